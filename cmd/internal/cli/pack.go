package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact/pack"
)

// packResult says what was packed. Digest is the artifact's.
type packResult struct {
	ID        string `json:"id"`
	Version   string `json:"version"`
	Digest    string `json:"digest"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"` // of everything that the manifest reaches
	Out       string `json:"out,omitempty"`
	quiet     bool
}

func (r packResult) text(w io.Writer) error {
	if r.quiet || r.Out == "" {
		return writeLine(w, "%s", r.Digest)
	}
	return writeLine(w, "%s  %s %s, %s in %s", r.Digest, r.ID, r.Version, byteCount(r.Size), r.Out)
}

func packed(p *pack.Result, out string, quiet bool) packResult {
	r := packResult{ID: p.Plugin.ID.String(), Version: p.Plugin.Version.String(), Digest: p.Root.Digest.String(), MediaType: p.Root.MediaType, Out: out, quiet: quiet}
	for _, b := range p.Blobs {
		r.Size += b.Size
	}
	return r
}

func newPack(c *console) *cobra.Command {
	var out string
	cmd := verb("pack DIR", "Pack a plugin directory into an OCI artifact",
		"The same files give the same digest on every machine, and it is printed. Without -o nothing is\n"+
			"written: the digest alone says whether a release is what its source says.",
		"oarlock pack ./hello -o hello.tar", "oarlock pack ./hello -o ./layout", "oarlock pack ./hello --quiet")
	cmd.Args = args(1, 1, "one plugin directory")
	cmd.Flags().StringVarP(&out, "out", "o", "", "`FILE.tar`, or a directory as OCI layout")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := pack.Dir(cmd.Context(), args[0], pack.Options{})
		if err != nil {
			return err
		}
		if out != "" {
			if err := p.Write(cmd.Context(), out); err != nil {
				return fmt.Errorf("pack: %w", err)
			}
		}
		return c.print(packed(p, out, c.quiet))
	}
	return cmd
}

// openPlugin packs a directory, or opens what was packed before.
func openPlugin(ctx context.Context, path, tag string) (*pack.Result, error) {
	if pack.IsLayout(path) {
		return pack.Open(ctx, path, tag)
	}
	return pack.Dir(ctx, path, pack.Options{})
}
