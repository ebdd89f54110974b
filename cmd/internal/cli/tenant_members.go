package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

// tenantMemberList is who is what in a tenant.
type tenantMemberList struct{ index.TenantMemberList }

func (r tenantMemberList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no members")
	}
	return table(w, func(row func(...string)) {
		row("MEMBER", "ROLE", "SINCE", "ADDED BY")
		for _, m := range r.Items {
			row(m.Principal, m.Role, day(&m.AddedAt, ""), m.AddedBy)
		}
	})
}

func newTenantMembers(c *console) *cobra.Command {
	list := verb("list TENANT", "List the members of a tenant", "With their roles.", "oarlock tenant members list north")
	tenantArg(list, 0, "the id of a tenant such as north")
	list.RunE = func(cmd *cobra.Command, args []string) error {
		all := tenantMemberList{index.TenantMemberList{Items: []index.TenantMember{}}}
		for cursor := ""; ; {
			r, err := call[tenantMemberList](cmd.Context(), c, http.MethodGet, tenantPath(args[0], "/members?limit=500&cursor="+url.QueryEscape(cursor)), nil)
			if err != nil {
				return fmt.Errorf("tenant members list: %w", err)
			}
			all.Items = append(all.Items, r.Items...)
			if r.NextCursor <= cursor { // a server that does not go on would never end
				return c.print(all)
			}
			cursor = r.NextCursor
		}
	}
	var role string
	add := verb("add TENANT PRINCIPAL", "Give somebody a role in a tenant", "In place of the one that they had. A tenant-admin changes it, a tenant-viewer looks.",
		"oarlock tenant members add north person:ada --role tenant-admin")
	tenantArg(add, 1, "the id of a tenant and a principal such as person:ada")
	add.Flags().StringVar(&role, "role", "tenant-viewer", "tenant-admin or tenant-viewer")
	add.RunE = func(cmd *cobra.Command, args []string) error {
		return c.act(cmd, http.MethodPut, tenantMemberPath(args), map[string]string{"role": role}, args[1]+" is "+role+" of "+args[0]+" now")
	}
	remove := verb("remove TENANT PRINCIPAL", "Take somebody's role in a tenant", "At once.", "oarlock tenant members remove north person:ada")
	tenantArg(remove, 1, "the id of a tenant and a principal such as person:ada")
	remove.RunE = func(cmd *cobra.Command, args []string) error {
		return c.act(cmd, http.MethodDelete, tenantMemberPath(args), nil, args[1]+" is no member of "+args[0]+" any more")
	}
	return parent("members", "Give and take roles in a tenant", list, add, remove)
}

func tenantMemberPath(args []string) string {
	return tenantPath(args[0], "/members/"+url.PathEscape(args[1]))
}
