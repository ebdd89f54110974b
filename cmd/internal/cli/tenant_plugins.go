package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// tenantPluginResult is one plugin of a tenant.
type tenantPluginResult struct{ index.TenantPlugin }

func (r tenantPluginResult) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		row("PLUGIN", r.ID)
		row("ENABLED", yesNo(r.Enabled))
		row("VERSION", orNone(r.Version))
		row("PIN", orNone(r.Pin))
		row("CHANNEL", orNone(r.Channel))
		if r.Hold != nil {
			row("HELD", "until "+day(&r.Hold.Until, "")+" by "+r.Hold.By)
		}
		row("STATUS", string(r.Status))
		if r.ConfigRevision > 0 {
			row("CONFIG", fmt.Sprintf("revision %d", r.ConfigRevision))
		}
		for _, why := range r.Reasons {
			row("WHY", why.Detail)
		}
		row("SINCE", day(&r.InstalledAt, ""))
	})
}

// tenantPluginList is what a tenant has.
type tenantPluginList struct{ index.TenantPluginList }

func (r tenantPluginList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no plugins")
	}
	return table(w, func(row func(...string)) {
		row("PLUGIN", "ENABLED", "VERSION", "PIN", "CHANNEL", "STATUS", "WHY")
		for _, p := range r.Items {
			why := "-"
			if len(p.Reasons) > 0 {
				why = p.Reasons[0].Detail
			}
			row(p.ID, yesNo(p.Enabled), orNone(p.Version), orNone(p.Pin), orNone(p.Channel), string(p.Status), why)
		}
	})
}

func newTenantPlugins(c *console) *cobra.Command {
	cmd := verb("plugins TENANT", "List the plugins of a tenant", "Enabled or not, with the version that its hosts are given now, and why where it is none.",
		"oarlock tenant plugins north", "oarlock tenant plugins north --output json")
	tenantArg(cmd, 0, "the id of a tenant such as north")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		all := tenantPluginList{index.TenantPluginList{Items: []index.TenantPlugin{}}}
		for cursor := ""; ; {
			r, err := call[tenantPluginList](cmd.Context(), c, http.MethodGet, tenantPath(args[0], "/plugins?limit=500&cursor="+url.QueryEscape(cursor)), nil)
			if err != nil {
				return fmt.Errorf("tenant plugins: %w", err)
			}
			all.Items = append(all.Items, r.Items...)
			if r.NextCursor <= cursor { // a server that does not go on would never end
				return c.print(all)
			}
			cursor = r.NextCursor
		}
	}
	return cmd
}

// tenantPluginArgs are a tenant and a plugin of it.
func tenantPluginArgs(cmd *cobra.Command) {
	cmd.Args = func(cmd *cobra.Command, got []string) error {
		if err := args(2, 2, "the id of a tenant and a plugin such as acme/hello")(cmd, got); err != nil {
			return err
		}
		if err := argument(artifact.CheckSegment(got[0])); err != nil {
			return err
		}
		_, err := artifact.ParseName(got[1])
		return argument(err)
	}
}

// tenantPluginCall makes one change of a plugin of a tenant.
func tenantPluginCall(cmd *cobra.Command, c *console, method string, args []string, act string, body any) error {
	r, err := call[tenantPluginResult](cmd.Context(), c, method, tenantPath(args[0], "/plugins/"+args[1]+"/"+act), body)
	if err != nil {
		return fmt.Errorf("tenant %s: %w", cmd.Name(), err)
	}
	return c.print(r)
}

func newTenantEnable(c *console) *cobra.Command {
	var choice index.TenantPluginChoice
	cmd := verb("enable TENANT PLUGIN", "Have the hosts of a tenant run a plugin",
		"The newest stable version that one of them runs, or of the channel that is given. A version pins it.\n"+
			"What is enabled so already stays as it is.",
		"oarlock tenant enable north acme/hello", "oarlock tenant enable north acme/hello --channel beta", "oarlock tenant enable north acme/hello --version 1.2.0")
	tenantPluginArgs(cmd)
	cmd.Flags().StringVar(&choice.Version, "version", "", "pin this `VERSION`")
	cmd.Flags().StringVar(&choice.Channel, "channel", "", "follow this `CHANNEL`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return tenantPluginCall(cmd, c, http.MethodPost, args, "enable", choice)
	}
	return cmd
}

func newTenantDisable(c *console) *cobra.Command {
	cmd := verb("disable TENANT PLUGIN", "Have the hosts of a tenant run a plugin no more", "Its data, its pin and its channel stay: enable it again and it goes on.",
		"oarlock tenant disable north acme/hello")
	tenantPluginArgs(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return tenantPluginCall(cmd, c, http.MethodPost, args, "disable", struct{}{})
	}
	return cmd
}

func newTenantPin(c *console) *cobra.Command {
	cmd := verb("pin TENANT PLUGIN@VERSION", "Hold a tenant at a version of a plugin", "Until it is unpinned, whatever its channel says: to try a beta, to hold back, to bisect.",
		"oarlock tenant pin north acme/hello@1.2.0")
	tenantArg(cmd, 1, "the id of a tenant and a version such as acme/hello@1.2.0")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[1])
		if err != nil {
			return err
		}
		if p.text == "" {
			return usagef("tenant pin: %s: which version? expected %s@1.2.0", p.id, p.id)
		}
		return tenantPluginCall(cmd, c, http.MethodPost, []string{args[0], p.id.String()}, "pin", map[string]string{"version": p.text})
	}
	return cmd
}

func newTenantUnpin(c *console) *cobra.Command {
	cmd := verb("unpin TENANT PLUGIN", "Have a tenant follow its channel again", "At once.", "oarlock tenant unpin north acme/hello")
	tenantPluginArgs(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return tenantPluginCall(cmd, c, http.MethodDelete, args, "pin", nil)
	}
	return cmd
}
