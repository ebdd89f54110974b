package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

func newTenant(c *console) *cobra.Command {
	return parent("tenant", "Keep tenants: who they are, and which plugins their hosts run",
		newTenantCreate(c), newTenantList(c), newTenantShow(c), newTenantSet(c), newTenantQuota(c), newTenantMembers(c), newTenantHost(c),
		newTenantPlugins(c), newTenantEnable(c), newTenantDisable(c), newTenantPin(c), newTenantUnpin(c), newTenantHold(c), newTenantUnhold(c),
		newTenantAttention(c), newTenantDesired(c), newTenantConfigure(c), newTenantConfig(c))
}

func tenantPath(id string, more string) string { return "/tenants/" + url.PathEscape(id) + more }

// tenantArg is the first argument, which names a tenant, and more behind it.
func tenantArg(cmd *cobra.Command, more int, names string) {
	cmd.Args = func(cmd *cobra.Command, got []string) error {
		if err := args(1+more, 1+more, names)(cmd, got); err != nil {
			return err
		}
		return argument(artifact.CheckSegment(got[0]))
	}
}

// tenantResult is one tenant.
type tenantResult struct{ index.Tenant }

func (r tenantResult) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		row("TENANT", r.ID)
		row("TIER", orNone(r.Tier))
		row("NICHES", orNone(strings.Join(r.Niches, ", ")))
		row("LABELS", orNone(strings.Join(r.Labels, ", ")))
		row("ENVIRONMENT", r.Environment)
		row("CANARY", yesNo(r.Canary))
		row("QUOTA", limitOf(r.Quota.Hosts, "hosts")+", "+limitOf(r.Quota.Installs, "plugins"))
		row("SINCE", day(&r.CreatedAt, "")+" by "+r.CreatedBy)
	})
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func limitOf(n int64, of string) string {
	if n == 0 {
		return "any number of " + of
	}
	return fmt.Sprintf("%d %s", n, of)
}

// tenantList is those that the caller may see.
type tenantList struct{ index.TenantList }

func (r tenantList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no tenants")
	}
	return table(w, func(row func(...string)) {
		row("TENANT", "TIER", "NICHES", "ENVIRONMENT", "CANARY")
		for _, t := range r.Items {
			row(t.ID, orNone(t.Tier), orNone(strings.Join(t.Niches, ", ")), t.Environment, yesNo(t.Canary))
		}
	})
}

func newTenantCreate(c *console) *cobra.Command {
	var n index.NewTenant
	cmd := verb("create TENANT", "Make a tenant", "For admins of the site. A tier is one of those of the site's configuration.",
		"oarlock tenant create north", "oarlock tenant create north --tier pro --niche editors --label region=north --environment staging --canary")
	tenantArg(cmd, 0, "the id of a tenant such as north")
	cmd.Flags().StringVar(&n.Tier, "tier", "", "one of the site's `TIER`s")
	cmd.Flags().StringSliceVar(&n.Niches, "niche", nil, "what it is about; give it again for more")
	cmd.Flags().StringSliceVar(&n.Labels, "label", nil, "`KEY=VALUE` of your own; give it again for more")
	cmd.Flags().StringVar(&n.Environment, "environment", "production", "test, staging or production")
	cmd.Flags().BoolVar(&n.Canary, "canary", false, "takes new versions before others")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		n.ID = args[0]
		r, err := call[tenantResult](cmd.Context(), c, http.MethodPost, "/tenants", n)
		if err != nil {
			return fmt.Errorf("tenant create: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newTenantList(c *console) *cobra.Command {
	cmd := verb("list", "List tenants", "Those that you may see.", "oarlock tenant list")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		all := tenantList{index.TenantList{Items: []index.Tenant{}}}
		for cursor := ""; ; {
			r, err := call[tenantList](cmd.Context(), c, http.MethodGet, "/tenants?limit=500&cursor="+url.QueryEscape(cursor), nil)
			if err != nil {
				return fmt.Errorf("tenant list: %w", err)
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

func newTenantShow(c *console) *cobra.Command {
	cmd := verb("show TENANT", "Show a tenant", "One that is not yours is answered as one that does not exist.", "oarlock tenant show north")
	tenantArg(cmd, 0, "the id of a tenant such as north")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := call[tenantResult](cmd.Context(), c, http.MethodGet, tenantPath(args[0], ""), nil)
		if err != nil {
			return fmt.Errorf("tenant show: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newTenantSet(c *console) *cobra.Command {
	var tier, environment string
	var niches, labels []string
	var canary bool
	cmd := verb("set TENANT", "Change a tenant",
		"What is not given stays; lists are replaced whole, and --niche= empties one. Tier, niches and environment are for admins\nof the site.",
		"oarlock tenant set north --tier enterprise", "oarlock tenant set north --label region=south --canary=false")
	tenantArg(cmd, 0, "the id of a tenant such as north")
	cmd.Flags().StringVar(&tier, "tier", "", "one of the site's `TIER`s; empty is none")
	cmd.Flags().StringSliceVar(&niches, "niche", nil, "what it is about; give it again for more")
	cmd.Flags().StringSliceVar(&labels, "label", nil, "`KEY=VALUE` of your own; give it again for more")
	cmd.Flags().StringVar(&environment, "environment", "", "test, staging or production")
	cmd.Flags().BoolVar(&canary, "canary", false, "takes new versions before others")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var change index.TenantChange
		set := func(flag string, do func()) {
			if cmd.Flags().Changed(flag) {
				do()
			}
		}
		words := func(list []string) *[]string {
			list = slices.DeleteFunc(append([]string{}, list...), func(s string) bool { return s == "" })
			return &list
		}
		set("tier", func() { change.Tier = &tier })
		set("niche", func() { change.Niches = words(niches) })
		set("label", func() { change.Labels = words(labels) })
		set("environment", func() { change.Environment = &environment })
		set("canary", func() { change.Canary = &canary })
		if change == (index.TenantChange{}) {
			return usagef("tenant set: nothing to set: give --tier, --niche, --label, --environment or --canary")
		}
		r, err := call[tenantResult](cmd.Context(), c, http.MethodPatch, tenantPath(args[0], ""), change)
		if err != nil {
			return fmt.Errorf("tenant set: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newTenantQuota(c *console) *cobra.Command {
	var hosts, installs int64
	cmd := verb("quota TENANT", "Set how much a tenant may have", "For admins of the site; 0 is no limit. What it has already stays.",
		"oarlock tenant quota north --hosts 10 --installs 50")
	tenantArg(cmd, 0, "the id of a tenant such as north")
	cmd.Flags().Int64Var(&hosts, "hosts", 0, "at most `N` hosts")
	cmd.Flags().Int64Var(&installs, "installs", 0, "at most `N` enabled plugins")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("hosts") && !cmd.Flags().Changed("installs") {
			return usagef("tenant quota: nothing to set: give --hosts or --installs")
		}
		is, err := call[tenantResult](cmd.Context(), c, http.MethodGet, tenantPath(args[0], ""), nil)
		if err != nil {
			return fmt.Errorf("tenant quota: %w", err)
		}
		if cmd.Flags().Changed("hosts") {
			is.Quota.Hosts = hosts
		}
		if cmd.Flags().Changed("installs") {
			is.Quota.Installs = installs
		}
		r, err := call[tenantResult](cmd.Context(), c, http.MethodPatch, tenantPath(args[0], ""), index.TenantChange{Quota: &is.Quota})
		if err != nil {
			return fmt.Errorf("tenant quota: %w", err)
		}
		return c.print(r)
	}
	return cmd
}
