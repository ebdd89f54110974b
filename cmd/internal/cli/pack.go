package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
			"written: the digest alone says whether a release is what its source says. What is written must not lie\n"+
			"in DIR, where the next pack would take it in, unless .oarlockignore names it.",
		"oarlock pack ./hello -o hello.tar", "oarlock pack ./hello -o ./layout", "oarlock pack ./hello --quiet")
	cmd.Args = args(1, 1, "one plugin directory")
	cmd.Flags().StringVarP(&out, "out", "o", "", "`FILE.tar`, or a directory as OCI layout")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case cmd.Flags().Changed("out") && out == "":
			return usagef("pack: -o is empty: expected FILE.tar or a directory; without -o nothing is written and the digest is printed")
		case out != "":
			if err := packTarget(args[0], out); err != nil {
				return err
			}
		}
		p, err := pack.Dir(cmd.Context(), args[0], pack.Options{})
		if err != nil {
			return err
		}
		if out != "" {
			if err := writePacked(cmd.Context(), p, out); err != nil {
				return fmt.Errorf("pack: %w", err)
			}
		}
		return c.print(packed(p, out, c.quiet))
	}
	return cmd
}

// packTarget holds out to being a place for what is packed of dir.
func packTarget(dir, out string) error {
	inside, err := pack.Travels(dir, out)
	switch {
	case err != nil:
		return err
	case inside:
		return usagef("pack: %s lies in the plugin directory %s, so that the next pack would take it in: "+
			"write it elsewhere, or name it in %s", out, dir, pack.IgnoreFile)
	case isTar(out):
		return outArgument(out)
	}
	if info, err := os.Stat(out); err == nil && !info.IsDir() {
		return usagef("pack: %s is a file, expected a directory for the layout, or a name that ends in .tar", out)
	}
	if base := filepath.Base(filepath.Clean(out)); base == "." || base == ".." || base == string(filepath.Separator) {
		return usagef("pack: %q is no place of its own for a layout, whose files would lie among others: expected a directory such as ./layout", out)
	}
	if err := outArgument(out); !errors.Is(err, fs.ErrNotExist) && !isDir(out) { // a directory is made, with those above it
		return err
	}
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// isTar reports whether out is written as a tar: a name that says so, or a device
// or pipe, which can hold no directory.
func isTar(out string) bool {
	if strings.HasSuffix(out, ".tar") {
		return true
	}
	info, err := os.Stat(out)
	return err == nil && !info.IsDir() && !info.Mode().IsRegular()
}

func writePacked(ctx context.Context, p *pack.Result, out string) error {
	if isTar(out) {
		return writeOut(out, func(w io.Writer) error { return p.WriteTar(ctx, w) })
	}
	return p.Write(ctx, out)
}

// openPlugin packs a directory, or opens what was packed before.
func openPlugin(ctx context.Context, path, tag string) (*pack.Result, error) {
	if pack.IsLayout(path) {
		return pack.Open(ctx, path, tag)
	}
	return pack.Dir(ctx, path, pack.Options{})
}
