package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index/api"
)

func newPublisherMembers(c *console) *cobra.Command {
	var role string
	add := verb("add NAMESPACE PRINCIPAL", "Give somebody a role", "In place of the one that they had. Robots have tokens instead.",
		"oarlock publisher members add acme person:ada --role maintainer")
	namespaceArg(add, 1, "a publisher name and a principal such as person:ada")
	add.Flags().StringVar(&role, "role", "publisher", "owner, maintainer, publisher or reader")
	add.RunE = func(cmd *cobra.Command, args []string) error {
		return c.act(cmd, http.MethodPut, memberPath(args), map[string]string{"role": role}, args[1]+" is "+role+" of "+args[0]+" now")
	}
	remove := verb("remove NAMESPACE PRINCIPAL", "Take somebody's role", "The last owner cannot go.", "oarlock publisher members remove acme person:ada")
	namespaceArg(remove, 1, "a publisher name and a principal such as person:ada")
	remove.RunE = func(cmd *cobra.Command, args []string) error {
		return c.act(cmd, http.MethodDelete, memberPath(args), nil, args[1]+" is no member of "+args[0]+" any more")
	}
	return parent("members", "Give and take roles in a namespace", add, remove)
}

func memberPath(args []string) string {
	return namespacePath(args[0], "/members/"+url.PathEscape(args[1]))
}

// usageResult is what a namespace holds beside its limits.
type usageResult struct{ api.Usage }

func (r usageResult) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		row("LIMIT", "USED", "AT MOST")
		row("bytes", strconv.FormatInt(r.Bytes, 10), limit(r.Limits.Bytes))
		row("versions", strconv.FormatInt(r.Versions, 10), limit(r.Limits.Versions))
		row("artifact bytes", "", limit(r.Limits.ArtifactBytes))
		row("manifest bytes", "", limit(r.Limits.ManifestBytes))
		row("layers", "", limit(int64(r.Limits.Layers)))
	})
}

func limit(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func newPublisherUsage(c *console) *cobra.Command {
	cmd := verb("usage NAMESPACE", "Read what a namespace holds", "Beside what it may hold.", "oarlock publisher usage acme")
	namespaceArg(cmd, 0, "a publisher name such as acme")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := call[usageResult](cmd.Context(), c, http.MethodGet, namespacePath(args[0], "/usage"), nil)
		if err != nil {
			return fmt.Errorf("publisher usage: %w", err)
		}
		return c.print(r)
	}
	return cmd
}
