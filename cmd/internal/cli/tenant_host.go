package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

// tenantHostResult is one host of a tenant.
type tenantHostResult struct{ index.TenantHost }

func (r tenantHostResult) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		row("HOST", r.Name)
		row("RUNS", r.Host+" "+r.HostVersion)
		row("PLATFORM", r.Platform)
		row("SINCE", day(&r.CreatedAt, "")+" by "+r.CreatedBy)
	})
}

// tenantHostList is the hosts of a tenant.
type tenantHostList struct{ index.TenantHostList }

func (r tenantHostList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no hosts")
	}
	return table(w, func(row func(...string)) {
		row("HOST", "RUNS", "PLATFORM", "SINCE")
		for _, h := range r.Items {
			row(h.Name, h.Host+" "+h.HostVersion, h.Platform, day(&h.CreatedAt, ""))
		}
	})
}

func tenantHostPath(args []string) string {
	return tenantPath(args[0], "/hosts/"+url.PathEscape(args[1]))
}

func newTenantHost(c *console) *cobra.Command {
	return parent("host", "Keep the hosts of a tenant: which application of which version loads its plugins",
		newTenantHostAdd(c), newTenantHostList(c), newTenantHostSet(c), newTenantHostRotate(c),
		newTenantHostRemove(c), newTenantHostResolve(c))
}

func newTenantHostAdd(c *console) *cobra.Command {
	var n index.NewTenantHost
	cmd := verb("add TENANT NAME", "Add a host to a tenant", "What a tenant is given fits one of its hosts. The name is yours; the host id is what plugins name. "+
		"The answer has what the host logs in with, once.",
		"oarlock tenant host add north editor-1 --host acme-editor --host-version 4.2.0 --platform linux/amd64")
	tenantArg(cmd, 1, "the id of a tenant and a name for the host")
	cmd.Flags().StringVar(&n.Host, "host", "", "the host's `ID`, as plugins name it")
	cmd.Flags().StringVar(&n.HostVersion, "host-version", "", "its `VERSION`")
	cmd.Flags().StringVar(&n.Platform, "platform", runtime.GOOS+"/"+runtime.GOARCH, "its `OS/ARCH`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if n.Host == "" || n.HostVersion == "" {
			return usagef("tenant host add: give --host and --host-version: what it is, as plugins name it")
		}
		n.Name = args[1]
		r, err := call[hostSecretResult](cmd.Context(), c, http.MethodPost, tenantPath(args[0], "/hosts"), n)
		if err != nil {
			return fmt.Errorf("tenant host add: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newTenantHostList(c *console) *cobra.Command {
	cmd := verb("list TENANT", "List the hosts of a tenant", "With what they are.", "oarlock tenant host list north")
	tenantArg(cmd, 0, "the id of a tenant such as north")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		all := tenantHostList{index.TenantHostList{Items: []index.TenantHost{}}}
		for cursor := ""; ; {
			r, err := call[tenantHostList](cmd.Context(), c, http.MethodGet, tenantPath(args[0], "/hosts?limit=500&cursor="+url.QueryEscape(cursor)), nil)
			if err != nil {
				return fmt.Errorf("tenant host list: %w", err)
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

func newTenantHostSet(c *console) *cobra.Command {
	var version, platform string
	cmd := verb("set TENANT NAME", "Change the version or platform of a host", "As after an upgrade of the application. What is not given stays.",
		"oarlock tenant host set north editor-1 --host-version 4.3.0")
	tenantArg(cmd, 1, "the id of a tenant and the name of a host")
	cmd.Flags().StringVar(&version, "host-version", "", "its `VERSION`")
	cmd.Flags().StringVar(&platform, "platform", "", "its `OS/ARCH`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var change index.TenantHostChange
		if cmd.Flags().Changed("host-version") {
			change.HostVersion = &version
		}
		if cmd.Flags().Changed("platform") {
			change.Platform = &platform
		}
		if change == (index.TenantHostChange{}) {
			return usagef("tenant host set: nothing to set: give --host-version or --platform")
		}
		r, err := call[tenantHostResult](cmd.Context(), c, http.MethodPatch, tenantHostPath(args), change)
		if err != nil {
			return fmt.Errorf("tenant host set: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newTenantHostRemove(c *console) *cobra.Command {
	cmd := verb("remove TENANT NAME", "Remove a host from a tenant",
		"Its credential ends at once. What runs on it is not touched.", "oarlock tenant host remove north editor-1")
	tenantArg(cmd, 1, "the id of a tenant and the name of a host")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.act(cmd, http.MethodDelete, tenantHostPath(args), nil, args[1]+" is no host of "+args[0]+" any more")
	}
	return cmd
}
