package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

// emergencyResult is one emergency, with all that it names.
type emergencyResult struct{ index.Emergency }

func (r emergencyResult) text(w io.Writer) error {
	lines := []string{fmt.Sprintf("emergency %s of %s is %s (%s)", r.ID, r.what(), r.State, r.Reason)}
	if r.Text != "" {
		lines[0] += ": " + r.Text
	}
	lines = append(append(lines, r.from()...), r.next()...)
	if r.SiteOnly {
		lines = append(lines, "the plugin's ledger grows at another site: this is known here alone")
	}
	if r.SignedURLsUntil != nil {
		lines = append(lines, "signed URLs that were given out before are good until "+r.SignedURLsUntil.UTC().Format(time.RFC3339))
	}
	if !r.Settled {
		lines = append(lines, strings.TrimSuffix("not all of it is done yet, which is tried again; what it holds cannot be pulled meanwhile: "+r.Problem, ": "))
	}
	for _, d := range r.Digests {
		lines = append(lines, "  "+d.String())
	}
	for _, line := range lines {
		if err := writeLine(w, "%s", line); err != nil {
			return err
		}
	}
	return nil
}

func (r emergencyResult) what() string {
	switch {
	case r.All:
		return r.Plugin + ", all versions"
	case r.Version != "":
		return r.Plugin + "@" + r.Version
	case len(r.Digests) > 0:
		return r.Plugin + "@" + r.Digests[0].String()
	}
	return r.Plugin
}

// from says who knows of it, where that is not this site's own record.
func (r emergencyResult) from() []string {
	switch r.Source {
	case index.EmergencyOfLedger:
		return []string{"the ledger of " + r.Plugin + " says it; this site's database has no record of who spoke for it"}
	case index.EmergencyOfMirror:
		return []string{"the ledger of " + r.Plugin + " says it, which came by a mirror and grows at " + r.Platform + ": it is undone there"}
	}
	return nil
}

// next says what keeps from being pulled what it names, until when, and who is asked.
func (r emergencyResult) next() []string {
	could := "nobody could: make accounts of other admins"
	if len(r.MayConfirm) > 0 {
		could = "who could: " + strings.Join(r.MayConfirm, ", ")
	}
	until := ""
	if r.ExpiresAt != nil {
		until = r.ExpiresAt.UTC().Format(time.RFC3339)
	}
	switch {
	case r.State == index.EmergencyRequested:
		return []string{"it keeps nothing from being pulled before an admin takes it up, until " + until + ": oarlock emergency-remove confirm " + r.ID}
	case r.State == index.EmergencyProposed && r.Approvers == 1:
		return []string{"nobody can pull it here until " + until + "; one person confirms it: oarlock emergency-remove confirm " + r.ID}
	case r.State == index.EmergencyProposed:
		return []string{"nobody can pull it here until " + until + "; another person confirms it: oarlock emergency-remove confirm " + r.ID, could}
	case r.State.Over() && len(r.Undo) > 0:
		return []string{"it does not hold any more; by " + people(r.Undo) + strings.TrimSuffix(" ("+r.UndoReason+": "+r.UndoText, ": ") + ")"}
	case r.State.Over():
		return nil
	case len(r.Undo) > 0:
		return []string{r.Undo[0].By + " asks to undo it; another person agrees within a day: oarlock emergency-remove undo " + r.ID, could}
	}
	word := people(r.Words)
	if len(r.Words) == 1 {
		word += ", on one person's word"
	}
	return []string{"nobody can pull it; by " + word}
}

// people are those whose words are given.
func people(words []index.Word) string {
	by := make([]string, len(words))
	for i, w := range words {
		by[i] = w.By
	}
	return strings.Join(by, " and ")
}

type emergencyListResult struct {
	Items  []index.Emergency    `json:"items"`
	Unread []index.UnreadLedger `json:"unread,omitempty"`
}

func (r emergencyListResult) text(w io.Writer) error {
	if len(r.Items) == 0 && len(r.Unread) > 0 {
		return writeLine(w, "none is known, and not all could be read")
	}
	if len(r.Items) == 0 {
		return writeLine(w, "there are no emergencies")
	}
	return table(w, func(row func(...string)) {
		row("ID", "STATE", "WHAT", "REASON", "BY", "SINCE", "UNTIL", "KNOWN BY")
		for _, e := range r.Items {
			by, until := e.ProposedBy, ""
			if by == "" {
				by = e.RequestedBy
			}
			if e.ExpiresAt != nil {
				until = e.ExpiresAt.UTC().Format(time.RFC3339)
			}
			row(e.ID, string(e.State), emergencyResult{e}.what(), e.Reason, by, e.CreatedAt.UTC().Format(time.RFC3339), until, string(e.Source))
		}
	})
}

func newEmergency(c *console) *cobra.Command {
	cmd := newPropose(c, "emergency-remove PLUGIN@V|PLUGIN@DIGEST|PLUGIN", "Stop a version everywhere, on the word of two people",
		"The first call is a proposal: nobody can pull it here from now on, for a day at the most. It shows every digest that\n"+
			"goes with it, platforms included. When another person confirms it, it is a signed statement in the plugin's ledger, which\n"+
			"mirrors carry and hosts obey. The two are admins with accounts, of whom neither made the other's account, gave it roles or\n"+
			"a token within seven days; undo takes two as well. It takes an admin; owners request one.\n"+
			"To keep something from being pulled at this site alone, without a second person: oarlock block.", false,
		`oarlock emergency-remove acme/hello@0.2.0 --reason malware --text "steals keys"`,
		"oarlock emergency-remove confirm k3v9w2m7q4x1", "oarlock emergency-remove list")
	cmd.AddCommand(newPropose(c, "request PLUGIN@V|PLUGIN@DIGEST|PLUGIN", "Ask the admins for an emergency",
		"It keeps nothing from being pulled by itself: an admin takes it up with \"oarlock emergency-remove confirm ID\".\nIt takes an owner or a maintainer of the publisher.", true,
		"oarlock emergency-remove request acme/hello@0.2.0 --reason vulnerability"),
		newEmergencyStep(c, "confirm", "Confirm an emergency, or take up a request",
			"Shows what it names first. The word of another person than the one who proposed it has it in force; a request\nbecomes a proposal of yours."),
		newEmergencyStep(c, "undo", "Undo an emergency, or take back a proposal",
			"Takes as many people as to confirm: each calls it within a day. Your own proposal, for which nobody else spoke, you\ntake back alone."),
		newEmergencyList(c))
	return cmd
}

func newPropose(c *console, use, short, long string, request bool, examples ...string) *cobra.Command {
	cmd := verb(use, short, long, examples...)
	cmd.Args = args(1, 1, "a version such as acme/hello@0.2.0, a digest such as acme/hello@sha256:…, or a plugin with --all-versions")
	cmd.ValidArgsFunction = c.completePlugins
	n := index.NewEmergency{Request: request}
	f := cmd.Flags()
	reasonFlag(f, &n.Reason, true)
	f.StringVar(&n.Text, "text", "", "what people read")
	f.BoolVar(&n.All, "all-versions", false, "every version that there is, and the plugin: what is pushed later waits")
	f.BoolVar(&n.Soft, "soft", false, "a tenant keeps it whose policy allows that")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := emergencyTarget(&n, args[0]); err != nil {
			return err
		}
		if err := checkReason("emergency-remove", n.Reason, true); err != nil {
			return err
		}
		r, err := call[emergencyResult](cmd.Context(), c, http.MethodPost, "/emergencies", n)
		var refused *index.Problem
		if errors.As(err, &refused) && refused.Code == index.CodeNotAuthorised && !request {
			refused.Fixes = append(refused.Fixes, fmt.Sprintf("owners ask the admins: oarlock emergency-remove request %s --reason %s", shellWord(args[0]), n.Reason))
		}
		if err != nil {
			return fmt.Errorf("emergency-remove: %w", err)
		}
		return c.print(r)
	}
	if request {
		return cmd
	}
	return c.checked(cmd, func(args []string) string {
		if checkReason("", n.Reason, true) != nil {
			return ""
		}
		return "from now on nobody can pull " + args[0]
	})
}

// emergencyTarget reads what an emergency is of.
func emergencyTarget(n *index.NewEmergency, arg string) error {
	plugin, of, named := strings.Cut(arg, "@")
	p, err := parsePlugin(plugin)
	if err != nil {
		return err
	}
	n.Plugin, n.Version, n.Digest = p.id.String(), "", ""
	switch {
	case named == n.All:
		return usagef("emergency-remove %s: of what? expected %s@1.2.0, %s@sha256:…, or %s --all-versions", arg, p.id, p.id, p.id)
	case strings.Contains(of, ":"):
		n.Digest = digest.Digest(of)
	default:
		n.Version = of
	}
	return nil
}

func newEmergencyStep(c *console, step, short, long string) *cobra.Command {
	cmd := verb(step+" ID", short, long, "oarlock emergency-remove "+step+" k3v9w2m7q4x1")
	cmd.Args = args(1, 1, "the ID of an emergency, as its proposal or oarlock emergency-remove list says it")
	var why index.EmergencyStep
	if step == "undo" {
		reasonFlag(cmd.Flags(), &why.Reason, false)
		cmd.Flags().StringVar(&why.Text, "text", "", "what people read")
	}
	var yes bool
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkReason("emergency-remove "+step, why.Reason, false); err != nil {
			return err
		}
		asks := !yes && c.person() != nil
		if step == "confirm" || asks {
			if err := c.showEmergency(cmd.Context(), args[0], step, asks); err != nil {
				return fmt.Errorf("emergency-remove %s: %w", step, err)
			}
		}
		r, err := call[emergencyResult](cmd.Context(), c, http.MethodPost, "/emergencies/"+url.PathEscape(args[0])+"/"+step, why)
		if err != nil {
			return fmt.Errorf("emergency-remove %s: %w", step, err)
		}
		return c.print(r)
	}
	return cmd
}

// showEmergency shows somebody what he is about to confirm or to undo, and asks him.
func (c *console) showEmergency(ctx context.Context, id, step string, asks bool) error {
	r, err := call[emergencyResult](ctx, c, http.MethodGet, "/emergencies/"+url.PathEscape(id), nil)
	if err != nil {
		return err
	}
	done := map[string]string{"confirm": "confirmed", "undo": "undone"}[step]
	c.note("to be %s: emergency %s of %s (%s), which names", done, r.ID, r.what(), strings.TrimSuffix(r.Reason+": "+r.Text, ": "))
	for _, d := range r.Digests {
		c.note("  %s", d)
	}
	if !asks {
		return nil
	}
	me := ""
	if who, err := call[index.Caller](ctx, c, http.MethodGet, "/whoami", nil); err == nil {
		me = who.Principal
	}
	if question := r.follows(step, me); question != "" {
		return c.ask(ctx, question, false)
	}
	return nil
}

// printEmergencies prints a list, and names the ledgers of which it could not be told.
func (c *console) printEmergencies(r emergencyListResult) error {
	if err := c.print(r); err != nil {
		return err
	}
	for _, u := range r.Unread {
		c.note("whether there are more of %s could not be told: %s", cmp.Or(u.Plugin, "any plugin"), u.Problem)
	}
	return partialIf(len(r.Unread) > 0)
}

// follows is what a step has as its consequence when somebody called me takes it, as a
// question says it; "" where the server refuses it anyhow, and says why.
func (r emergencyResult) follows(step, me string) string {
	switch {
	case r.State.Over():
		return ""
	case step == "confirm" && r.State == index.EmergencyRequested:
		return "nobody can pull it here from now on, until another person confirms it or a day is over"
	case step == "confirm" && r.State == index.EmergencyProposed:
		if r.Approvers > 1 && me != "" && !slices.Contains(r.MayConfirm, me) {
			return ""
		}
		return "what it names is stopped wherever it runs"
	case step == "confirm":
		return ""
	case r.State == index.EmergencyRequested:
		return "the request is taken back"
	case r.Approvers > 1 && len(r.Undo) == 0 && r.State != index.EmergencyProposed:
		return "you ask for its end: another person has to agree within a day, and then it can be pulled and run again"
	}
	return "it can be pulled and run again"
}

func newEmergencyList(c *console) *cobra.Command {
	cmd := verb("list [ID]", "List emergencies, or show one",
		"The newest first: all for admins, those of their plugins for owners. One is shown with every digest that it names.\n"+
			"KNOWN BY is site where this site has a record of it, ledger where only the plugin's ledger says it (the database was\n"+
			"lost), and mirror where that ledger grows at another site: there it is undone. Exit 3 where a ledger could not be read.",
		"oarlock emergency-remove list --state proposed", "oarlock emergency-remove list k3v9w2m7q4x1 --output json")
	cmd.Args = args(0, 1, "the ID of one emergency, or none")
	var state, plugin string
	cmd.Flags().StringVar(&state, "state", "", "requested, proposed, confirmed, in_force, undone, withdrawn or lapsed")
	cmd.Flags().StringVar(&plugin, "plugin", "", "those of one `PLUGIN`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			r, err := call[emergencyResult](cmd.Context(), c, http.MethodGet, "/emergencies/"+url.PathEscape(args[0]), nil)
			if err != nil {
				return fmt.Errorf("emergency-remove list: %w", err)
			}
			return c.print(r)
		}
		out := emergencyListResult{Items: []index.Emergency{}}
		q := url.Values{"limit": {"500"}}
		for key, value := range map[string]string{"state": state, "plugin": plugin} {
			if value != "" {
				q.Set(key, value)
			}
		}
		for {
			page, err := call[index.EmergencyList](cmd.Context(), c, http.MethodGet, "/emergencies?"+q.Encode(), nil)
			if err != nil {
				return fmt.Errorf("emergency-remove list: %w", err)
			}
			out.Items, out.Unread = append(out.Items, page.Items...), page.Unread
			if page.Next == "" || page.Next == q.Get("cursor") {
				return c.printEmergencies(out)
			}
			q.Set("cursor", page.Next)
		}
	}
	return cmd
}
