package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// channelResult is what a channel points to now, and did before.
type channelResult struct{ index.Promotion }

func (r channelResult) text(w io.Writer) error {
	return writeLine(w, "%s:%s is %s now (%s)", r.ID, r.Channel, r.Version, r.Digest)
}

// channelsResult are the channels of a plugin, by name.
type channelsResult struct {
	ID       string         `json:"id"`
	Channels []channelPoint `json:"channels"`
}

type channelPoint struct {
	Channel string        `json:"channel"`
	Version string        `json:"version"`
	Digest  digest.Digest `json:"digest"`
	Listed  bool          `json:"listed"` // false: it answers nothing
}

func (r channelsResult) text(w io.Writer) error {
	if len(r.Channels) == 0 {
		return writeLine(w, "%s has no channels", r.ID)
	}
	return table(w, func(row func(...string)) {
		row("CHANNEL", "VERSION", "DIGEST")
		for _, p := range r.Channels {
			version := cmp.Or(p.Version, "-")
			if !p.Listed {
				version += " (not listed)"
			}
			row(p.Channel, version, p.Digest.String())
		}
	})
}

// channelsOf are the channels that point to versions of d.
func channelsOf(d *index.Detail) channelsResult {
	out := channelsResult{ID: d.ID, Channels: []channelPoint{}}
	for _, v := range d.Versions {
		for _, name := range v.Channels {
			out.Channels = append(out.Channels, channelPoint{name, v.Version, v.Digest, listingOf(&index.VersionDetail{Version: v}, "").isListed()})
		}
	}
	slices.SortFunc(out.Channels, func(a, b channelPoint) int { return strings.Compare(a.Channel, b.Channel) })
	return out
}

// allChannels asks the server for every page.
func (c *console) allChannels(ctx context.Context, id artifact.Name) (channelsResult, error) {
	out := channelsResult{ID: id.String(), Channels: []channelPoint{}}
	for cursor := ""; ; {
		page, err := call[index.ChannelList](ctx, c, http.MethodGet, "/plugins/"+id.String()+"/channels?limit=500&cursor="+cursor, nil)
		if err != nil {
			return out, err
		}
		for _, one := range page.Items {
			out.Channels = append(out.Channels, channelPoint(one))
		}
		if page.NextCursor <= cursor { // the last page; or a server that turns in circles
			return out, nil
		}
		cursor = page.NextCursor
	}
}

// removedResult is a channel that is there no more.
type removedResult index.RemovedChannel

func (r removedResult) text(w io.Writer) error {
	return writeLine(w, "%s:%s is removed (it was %s)", r.ID, r.Channel, r.Before)
}

func newChannelRemove(c *console) *cobra.Command {
	cmd := verb("remove PLUGIN CHANNEL", "Remove a channel",
		"The tag is gone for every client, and the audit log has it; the version that it pointed to stays, and\n"+
			"channel set brings the channel back. It takes who may promote.",
		"oarlock channel remove acme/hello beta")
	cmd.Args = args(2, 2, "one plugin such as acme/hello, and a channel")
	cmd.ValidArgsFunction = c.completePlugins
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[0])
		if err != nil {
			return err
		}
		if p.text != "" {
			return usagef("channel remove: %q names a version; expected a plugin and a channel: oarlock channel remove %s %s", args[0], p.id, args[1])
		}
		if _, err := artifact.ParseChannel(args[1]); err != nil {
			return argument(err)
		}
		r, err := call[removedResult](cmd.Context(), c, http.MethodDelete, "/plugins/"+p.id.String()+"/channels/"+args[1], nil)
		if err != nil {
			return fmt.Errorf("channel remove: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newChannelList(c *console) *cobra.Command {
	cmd := verb("list PLUGIN", "List the channels of a plugin",
		"Each channel with the version that it points to, as the catalog says it.",
		"oarlock channel list acme/hello", "oarlock channel list acme/hello --output json")
	cmd.Args = args(1, 1, "one plugin such as acme/hello")
	cmd.ValidArgsFunction = c.completePlugins
	c.addSigned(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[0])
		if err != nil {
			return err
		}
		signed, err := c.signed.settle(c.server)
		if err != nil {
			return err
		}
		if !signed {
			r, err := c.allChannels(cmd.Context(), p.id)
			if err != nil {
				return fmt.Errorf("channel list: %w", err)
			}
			return c.print(r)
		}
		cl, err := c.catalog(cmd.Context())
		if err != nil {
			return err
		}
		d, err := cl.Show(cmd.Context(), p.id, index.Query{})
		if err != nil {
			return fmt.Errorf("channel list: %w", err)
		}
		return c.print(channelsOf(d))
	}
	return cmd
}

func newChannel(c *console) *cobra.Command {
	set := verb("set PLUGIN@V CHANNEL", "Promote a version to a channel",
		"A push cannot move a channel: promotion is an act of its own, and the audit log has it. The version must\n"+
			"be listed, else it is refused (version_not_listed) and the channel stays as it was. It takes a\n"+
			"maintainer of the namespace, by login or by a token in OARLOCK_TOKEN.",
		"oarlock channel set acme/hello@0.2.0 stable", "OARLOCK_TOKEN=oar_… oarlock channel set acme/hello@0.3.0-rc.1 beta --server https://plugins.example.org")
	set.Args = args(2, 2, "a version such as acme/hello@0.2.0, and a channel")
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
	return parent("channel", "Promote versions to channels, list and remove channels", set, newChannelList(c), newChannelRemove(c))
}
