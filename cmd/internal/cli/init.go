package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/scaffold"
)

// initResult names the files of a starter plugin.
type initResult struct {
	Dir   string   `json:"dir"`
	Files []string `json:"files"`
}

func (r initResult) text(w io.Writer) error {
	return writeLine(w, "%s: %s\nnext: oarlock lint %s", r.Dir, strings.Join(r.Files, ", "), r.Dir)
}

func newInit(c *console) *cobra.Command {
	var id, host string
	cmd := verb("init DIR", "Write a starter plugin that packs and runs at once",
		"A WebAssembly command with its manifest, its source and its papers.",
		"oarlock init ./hello --id acme/hello", "oarlock init ./hello --id acme/hello --host other-host")
	cmd.Args = args(1, 1, "one directory, new or empty")
	cmd.Flags().StringVar(&id, "id", "", "`PUBLISHER/PLUGIN`; examples/DIR by default")
	cmd.Flags().StringVar(&host, "host", "", "`ID` of the host that it is for; example-host by default")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		var o scaffold.Options
		var err error
		if id != "" {
			if o.ID, err = artifact.ParseName(id); err != nil {
				return argument(err)
			}
		}
		if host != "" {
			if o.Host, err = artifact.ParseHostID(host); err != nil {
				return argument(err)
			}
		}
		files, err := scaffold.Write(args[0], o)
		if err != nil {
			return fmt.Errorf("init: %w", err)
		}
		return c.print(initResult{args[0], files})
	}
	return cmd
}
