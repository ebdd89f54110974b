package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

func newPublisher(c *console) *cobra.Command {
	return parent("publisher", "Claim and keep namespaces",
		newPublisherClaim(c), newPublisherShow(c), newPublisherList(c), newPublisherConfigure(c), newPublisherUsage(c),
		newPublisherMembers(c), newPublisherInvite(c), newPublisherAccept(c), newPublisherTransfer(c), newPublisherClose(c),
		newPublisherHistory(c), newPublisherKeys(c), newPublisherVerify(c), newPublisherUnverify(c))
}

func namespacePath(name string, more string) string {
	return "/namespaces/" + url.PathEscape(name) + more
}

// namespaceArg is the one argument that names a namespace.
func namespaceArg(cmd *cobra.Command, more int, names string) {
	cmd.Args = func(cmd *cobra.Command, got []string) error {
		if err := args(1+more, 1+more, names)(cmd, got); err != nil {
			return err
		}
		return argument(artifact.CheckSegment(got[0]))
	}
}

// namespaceResult is a namespace after an act.
type namespaceResult struct{ index.Namespace }

func (r namespaceResult) text(w io.Writer) error {
	if err := writeLine(w, "%s: %s", r.Name, namespaceState(r.Namespace)); err != nil {
		return err
	}
	for _, warning := range r.Warnings {
		if err := writeLine(w, "warning: %s", warning); err != nil {
			return err
		}
	}
	return nil
}

func namespaceState(n index.Namespace) string {
	if n.Held {
		return "held, nobody owns it"
	}
	s := "public"
	if n.Private {
		s = "private"
	}
	if n.Publishing == "off" {
		s += ", publishing off"
	}
	if n.ClosedAt != nil {
		s += ", closed " + day(n.ClosedAt, "")
	}
	return s
}

func newPublisherClaim(c *console) *cobra.Command {
	var private bool
	cmd := verb("claim NAMESPACE", "Claim a publisher name",
		"Makes you its first owner. Names that are taken or reserved, or that could be mistaken for one that\n"+
			"is, are refused. Everybody may pull what is in it, unless it is private.",
		"oarlock publisher claim acme", "oarlock publisher claim acme-internal --private")
	namespaceArg(cmd, 0, "a publisher name such as acme")
	cmd.Flags().BoolVar(&private, "private", false, "only members may pull")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := call[namespaceResult](cmd.Context(), c, http.MethodPost, "/namespaces", map[string]any{"name": args[0], "private": private})
		if err != nil {
			return fmt.Errorf("publisher claim: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

// namespaceDetail is a namespace with its members.
type namespaceDetail struct{ index.NamespaceDetail }

func (r namespaceDetail) text(w io.Writer) error {
	if err := (namespaceResult{r.Namespace}).text(w); err != nil {
		return err
	}
	return table(w, func(row func(...string)) {
		row("MEMBER", "ROLE", "SINCE", "ADDED BY")
		for _, m := range r.Members {
			row(m.Principal, m.Role, day(&m.AddedAt, ""), m.AddedBy)
		}
	})
}

// namespaceList is the namespaces that the caller may see.
type namespaceList struct{ index.NamespaceList }

func (r namespaceList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "no namespaces")
	}
	return table(w, func(row func(...string)) {
		row("NAMESPACE", "STATE", "SINCE")
		for _, n := range r.Items {
			since := day(&n.CreatedAt, "")
			if n.CreatedAt.IsZero() {
				since = "-"
			}
			row(n.Name, namespaceState(n), since)
		}
	})
}

func newPublisherList(c *console) *cobra.Command {
	cmd := verb("list", "List namespaces", "Those that you may see. To admins also names that are held: nobody owns them, and the registry has something of them. Claim one, then transfer it to its owner.", "oarlock publisher list")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		all := namespaceList{index.NamespaceList{Items: []index.Namespace{}}}
		for cursor := ""; ; {
			r, err := call[namespaceList](cmd.Context(), c, http.MethodGet, "/namespaces?limit=500&cursor="+url.QueryEscape(cursor), nil)
			if err != nil {
				return fmt.Errorf("publisher list: %w", err)
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

func newPublisherConfigure(c *console) *cobra.Command {
	var private, publishing string
	cmd := verb("configure NAMESPACE", "Set who may pull, and whether versions go in", "What is not given stays. With --private=true it ends when the signed catalog, too, names nothing of it any more,\nand warns where that has to wait.",
		"oarlock publisher configure acme --private=true", "oarlock publisher configure acme --publishing off")
	namespaceArg(cmd, 0, "a publisher name such as acme")
	cmd.Flags().StringVar(&private, "private", "", "true: only members may pull; false: everybody may")
	cmd.Flags().StringVar(&publishing, "publishing", "", "on or off: whether new versions are let in")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		change := index.NamespaceChange{Publishing: publishing}
		if private != "" {
			yes, err := strconv.ParseBool(private)
			if err != nil {
				return usagef("--private %q: expected true or false", private)
			}
			change.Private = &yes
		}
		if publishing != "" && publishing != "on" && publishing != "off" {
			return usagef("--publishing %q: expected on or off", publishing)
		}
		if change == (index.NamespaceChange{}) {
			return usagef("publisher configure: nothing to set: give --private or --publishing")
		}
		r, err := call[namespaceResult](cmd.Context(), c, http.MethodPatch, namespacePath(args[0], ""), change)
		if err != nil {
			return fmt.Errorf("publisher configure: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newPublisherTransfer(c *console) *cobra.Command {
	cmd := verb("transfer NAMESPACE PRINCIPAL", "Make another account the owner", "You are its owner no more. The account has to exist.", "oarlock publisher transfer acme person:ada --yes")
	namespaceArg(cmd, 1, "a publisher name and a principal such as person:ada")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.act(cmd, http.MethodPost, namespacePath(args[0], "/transfer"), map[string]string{"to": args[1]}, args[0]+" belongs to "+args[1]+" now")
	}
	return c.confirmed(cmd, func(args []string) string {
		return "this makes " + args[1] + " the owner of " + args[0] + ", and takes it from you"
	})
}

func newPublisherClose(c *console) *cobra.Command {
	cmd := verb("close NAMESPACE", "Let nothing new in, for good", "What is there stays, and nobody can claim the name again.", "oarlock publisher close acme --yes")
	namespaceArg(cmd, 0, "a publisher name such as acme")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := call[namespaceResult](cmd.Context(), c, http.MethodPost, namespacePath(args[0], "/close"), nil)
		if err != nil {
			return fmt.Errorf("publisher close: %w", err)
		}
		return c.print(r)
	}
	return c.confirmed(cmd, func(args []string) string { return "this closes " + args[0] + " for good" })
}
