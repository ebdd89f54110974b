package cli

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
)

// channelResult is what a channel points to now, and did before.
type channelResult struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Before  string `json:"before,omitempty"`
}

func (r channelResult) text(w io.Writer) error {
	return sentence(w, "%s:%s is %s now (%s)", r.ID, r.Channel, r.Version, r.Digest)
}

func newChannel(c *console) *cobra.Command {
	set := verb("set PLUGIN@V CHANNEL", "Promote a version to a channel",
		"A push cannot move a channel: promotion is an act of its own, and the audit log has it. It takes a\n"+
			"maintainer of the namespace, by login or by a token in OARLOCK_TOKEN.",
		"oarlock channel set acme/hello@1.2.0 stable", "OARLOCK_TOKEN=oar_… oarlock channel set acme/hello@2.0.0-rc.1 beta --server https://plugins.example.org")
	set.Args = args(2, 2, "a version such as acme/hello@1.2.0, and a channel")
	set.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[0])
		if err != nil {
			return err
		}
		v, err := p.version()
		if err != nil {
			return err
		}
		if v.IsZero() {
			return usagef("channel set: %q: which version? expected %s@1.2.0", args[0], p.id)
		}
		if _, err := artifact.ParseChannel(args[1]); err != nil {
			return argument(err)
		}
		r, err := call[channelResult](cmd.Context(), c, http.MethodPost, "/plugins/"+p.id.String()+"/channels/"+args[1], map[string]string{"version": v.String()})
		if err != nil {
			return fmt.Errorf("channel set: %w", err)
		}
		return c.print(r)
	}
	return parent("channel", "Promote versions to channels", set)
}
