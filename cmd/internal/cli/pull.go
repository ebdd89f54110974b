package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/client"
)

// pullResult is what is in the directory now.
type pullResult struct {
	*client.Pulled
	Dir string `json:"dir"`
}

func (r pullResult) text(w io.Writer) error {
	line := fmt.Sprintf("%s in %s, %s", r.Reference, r.Dir, byteCount(r.Size))
	if r.Signature.Signer != "" {
		line += ", signed by " + r.Signature.Signer
	}
	return writeLine(w, "%s", line)
}

func newPull(c *console) *cobra.Command {
	var trust trustFlags
	var dir, platform string
	cmd := verb("pull REF -d DIR", "Download, verify and unpack one version",
		"A tag is looked up once, all else goes by digest. Signature and policy are verified before a byte is\n"+
			"unpacked; without --key or a policy nothing is pulled. The directory appears whole or not at all.\n"+
			"Of several platforms this machine's is taken.",
		"oarlock pull 127.0.0.1:7117/acme/hello:0.2.0 -d hello --key acme.pub",
		"oarlock pull registry.example.org/acme/hello@sha256:… -d hello --policy trust.yaml --platform linux/arm64")
	cmd.Args = args(1, 1, "one reference such as 127.0.0.1:7117/acme/hello:0.2.0")
	trust.addPull(cmd.Flags())
	cmd.Flags().StringVarP(&dir, "dir", "d", "", "`DIR` to make, or an empty one")
	cmd.Flags().StringVar(&platform, "platform", "", "`OS/ARCH[/VARIANT]` to pull for; this machine's by default")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dir == "" {
			return usagef("pull: where to? give -d DIR")
		}
		if err := c.reference(args[0]); err != nil {
			return err
		}
		if _, err := client.ParseReference(args[0]); err != nil {
			return argument(err)
		}
		p, err := c.puller(cmd.Context(), &trust, platform, registryOf(args[0]))
		if err != nil {
			return err
		}
		got, err := p.Pull(cmd.Context(), args[0], dir)
		if t, named := spell(args[0]); errors.Is(err, artifact.ErrNotFound) && named && sameHost(hostOf(c.serverURL()), t.registry) {
			err = advised(err, "see which versions there are, or what became of them: oarlock show "+t.id.String())
		}
		if err != nil {
			return fmt.Errorf("pull: %w", err)
		}
		return c.print(pullResult{got, dir})
	}
	return cmd
}
