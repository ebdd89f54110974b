package cli

import (
	"cmp"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionResult says which build this is.
type versionResult struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (r versionResult) text(w io.Writer) error {
	line := "oarlock " + r.Version
	if r.Commit != "" {
		line += " (" + r.Commit
		if r.Modified {
			line += ", modified"
		}
		line += ")"
	}
	return writeLine(w, "%s %s %s", line, r.Go, r.Platform)
}

// buildVersion reads what the Go tool stamped; stamped is what the linker was
// told, for builds without a VCS stamp.
func buildVersion(stamped string) versionResult {
	r := versionResult{Version: stamped, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			r.Version = cmp.Or(stamped, v)
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				r.Commit = s.Value
			case "vcs.time":
				r.Time = s.Value
			case "vcs.modified":
				r.Modified = s.Value == "true"
			}
		}
	}
	r.Version = cmp.Or(r.Version, r.Commit, "unknown")
	return r
}

func newVersion(c *console) *cobra.Command {
	cmd := verb("version", "Print the version of this program",
		"With the commit that it was built from, where the build knows it.", "oarlock version", "oarlock version --output json")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(*cobra.Command, []string) error { return c.print(buildVersion(c.version)) }
	return cmd
}
