package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

// tenantAttentionList is what of a tenant needs attention.
type tenantAttentionList struct{ index.TenantAttentionList }

func (r tenantAttentionList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "nothing needs attention")
	}
	for _, p := range r.Items {
		said := fmt.Sprintf("%s %s: %s", p.ID, orNone(p.Version), p.Status)
		for _, why := range p.Reasons {
			said += "\n  " + why.Detail
		}
		if err := writeLine(w, "%s\n  %s", said, p.Next); err != nil {
			return err
		}
	}
	return nil
}

func newTenantAttention(c *console) *cobra.Command {
	cmd := verb("attention TENANT", "List the plugins of a tenant that need attention",
		"Deprecated, suspended, removed, yanked, or given no version: why, and what to do next.", "oarlock tenant attention north")
	tenantArg(cmd, 0, "the id of a tenant such as north")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		all := tenantAttentionList{index.TenantAttentionList{Items: []index.TenantAttention{}}}
		for cursor := ""; ; {
			r, err := call[tenantAttentionList](cmd.Context(), c, http.MethodGet, tenantPath(args[0], "/attention?limit=500&cursor="+url.QueryEscape(cursor)), nil)
			if err != nil {
				return fmt.Errorf("tenant attention: %w", err)
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
