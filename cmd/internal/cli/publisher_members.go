package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
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

// invitation is one to be handed over.
type invitation struct{ index.Invitation }

// text is the secret alone, so that it can be piped; the rest is told beside.
func (r invitation) text(w io.Writer) error { return writeLine(w, "%s", r.Secret) }

func newPublisherInvite(c *console) *cobra.Command {
	var q index.NewInvitation
	var lasts string
	cmd := verb("invite NAMESPACE", "Offer a role to somebody without an account yet",
		"Prints a secret of one use. Whoever accepts it after logging in has the role; with --email only the\n"+
			"account for which the provider verified that address. It ends when you may not give the role any more;\n"+
			"`oarlock token revoke ID` takes it back.",
		"oarlock publisher invite acme --role maintainer", "oarlock publisher invite acme --role reader --email ada@example.org --expires 2d")
	namespaceArg(cmd, 0, "a publisher name such as acme")
	cmd.Flags().StringVar(&q.Role, "role", "publisher", "owner, maintainer, publisher or reader")
	cmd.Flags().StringVar(&q.Email, "email", "", "`ADDRESS` that the provider must have verified")
	cmd.Flags().StringVar(&lasts, "expires", "7d", "how long it holds: `TIME` such as 36h or 7d, at most 30d")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if q.ExpiresAt, err = parseExpiry(lasts, time.Now()); err != nil || q.ExpiresAt.IsZero() {
			return usagef("--expires %q: expected a time such as 36h or 7d", lasts)
		}
		r, err := call[invitation](cmd.Context(), c, http.MethodPost, namespacePath(args[0], "/invitations"), q)
		if err != nil {
			return fmt.Errorf("publisher invite: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		c.note("invitation %s: %s of %s until %s, for whoever runs `oarlock publisher accept`: it is not shown again", r.ID, r.Role, r.Namespace, day(&r.ExpiresAt, ""))
		return nil
	}
	return cmd
}

// membership is what an accepted invitation gave.
type membership struct{ index.Membership }

func (r membership) text(w io.Writer) error {
	return writeLine(w, "%s is %s of %s now", r.Principal, r.Role, r.Namespace)
}

func newPublisherAccept(c *console) *cobra.Command {
	cmd := verb("accept [SECRET]", "Accept an invitation", "Makes you a member of the namespace that it names. Log in first. Without SECRET it is read from stdin.",
		"oarlock publisher accept oar_…", "oarlock publisher accept < invitation")
	cmd.Args = args(0, 1, "the secret of an invitation")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		secret := ""
		if len(args) == 1 {
			secret = args[0]
		} else if raw, err := io.ReadAll(io.LimitReader(c.stdin(cmd.Context(), "the secret of the invitation"), 64<<10)); err != nil {
			return err
		} else {
			secret = strings.TrimSpace(string(raw))
		}
		r, err := call[membership](cmd.Context(), c, http.MethodPost, "/invitations/accept", map[string]string{"secret": secret})
		if err != nil {
			return fmt.Errorf("publisher accept: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

// usageResult is what a namespace holds beside its limits.
type usageResult struct{ index.Usage }

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
