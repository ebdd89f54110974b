package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
)

// lifecycleResult is where a plugin stands, and a version of it that was moved.
type lifecycleResult struct {
	index.Lifecycle
	reason string // that was given; "" is none
}

func (r lifecycleResult) text(w io.Writer) error {
	if v := r.Version; v != nil {
		if err := writeLine(w, "%s %s %s", r.ID, v.Version, movedText(v.State, r.reason)); err != nil {
			return err
		}
	}
	said := fmt.Sprintf("%s is %s", r.ID, r.State)
	if len(r.Moves) > 0 {
		said += " " + r.Moves[0].Why()
	}
	if err := writeLine(w, "%s", said); err != nil {
		return err
	}
	for _, warning := range r.Warnings {
		if err := writeLine(w, "warning: %s", warning); err != nil {
			return err
		}
	}
	return nil
}

// A lifecycleVerb is one move of plugins or of versions on the command line.
type lifecycleVerb struct {
	move, short, long string
	version           bool // of a version, not of the plugin
	grounds           bool // must have a reason
	examples          []string
}

var lifecycleVerbs = []lifecycleVerb{
	{index.MoveDeprecate, "Tell everybody that a plugin has no future",
		"It goes on working and can be installed; whoever looks at it is told where to go. Under six months between\nnow and the end of life there is a warning.", false, true,
		[]string{"oarlock deprecate acme/hello --reason superseded --replacement acme/hello-next --end-of-life 2028-06-30"}},
	{index.MoveUndeprecate, "Take a deprecation back", "The plugin is as it was before.", false, false, []string{"oarlock undeprecate acme/hello"}},
	{index.MoveSuspend, "Let nobody new install a plugin, for a while",
		"It is in no search, no new install and no update. --existing says what those do who have it: keep it, or stop it.", false, true,
		[]string{"oarlock suspend acme/hello --reason security_review --until 2028-06-30 --existing stop"}},
	{index.MoveResume, "End a suspension", "The plugin is as it was before.", false, false, []string{"oarlock resume acme/hello"}},
	{index.MoveRemove, "Take a plugin out of the marketplace", "It is hidden from search and new installs, and kept for those who have it. oarlock restore takes it back.", false, true,
		[]string{"oarlock remove acme/hello --reason discontinued"}},
	{index.MoveRestore, "Bring a removed plugin back", "The plugin is as it was before.", false, false, []string{"oarlock restore acme/hello"}},
	{index.MoveYank, "Let nobody new take a version",
		"Search, resolve and install offer the newest version that is left; a lock file that holds the yanked one still resolves.", true, true,
		[]string{`oarlock yank acme/hello@0.2.0 --reason broken --text "it loses settings"`}},
	{index.MoveUnyank, "Take a yank back", "The version is offered again.", true, false, []string{"oarlock unyank acme/hello@0.2.0"}},
}

// newLifecycle are the commands that move plugins and versions.
func newLifecycle(c *console) []*cobra.Command {
	var out []*cobra.Command
	for _, v := range lifecycleVerbs {
		out = append(out, newLifecycleVerb(c, v))
	}
	return append(out, newDelete(c), newHistory(c))
}

func newLifecycleVerb(c *console, v lifecycleVerb) *cobra.Command {
	what, expected := "PLUGIN", "one plugin such as acme/hello"
	if v.version {
		what, expected = "PLUGIN@VERSION", "one version such as acme/hello@0.2.0"
	}
	cmd := verb(v.move+" "+what, v.short, v.long+"\nIt is a signed statement in the plugin's ledger, which mirrors carry. It takes an owner or a maintainer of\nthe publisher, or an admin of the site.", v.examples...)
	cmd.Args = args(1, 1, expected)
	cmd.ValidArgsFunction = c.completePlugins
	var m index.NewMove
	var endOfLife, until string
	f := cmd.Flags()
	reasonFlag(f, &m.Reason, v.grounds)
	f.StringVar(&m.Text, "text", "", "what people read")
	switch v.move {
	case index.MoveDeprecate:
		f.StringVar(&m.Replacement, "replacement", "", "the `PLUGIN` to move to")
		f.StringVar(&m.Guide, "guide", "", "an https `URL` that says how")
		f.StringVar(&endOfLife, "end-of-life", "", "the `DATE` from which nobody looks after it, such as 2028-06-30")
	case index.MoveSuspend:
		f.StringVar(&until, "until", "", "the `DATE` on which it is expected to be over")
		f.StringVar(&m.Existing, "existing", "", "what those do who have it: keep or stop (keep if none)")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[0])
		if err != nil {
			return err
		}
		if err := checkReason(v.move, m.Reason, v.grounds); err != nil {
			return err
		}
		if m.Existing != "" && m.Existing != string(format.KeepRunning) && m.Existing != string(format.StopRunning) {
			return usagef("%s: --existing %q: expected %s or %s", v.move, m.Existing, format.KeepRunning, format.StopRunning)
		}
		if m.EndOfLife, err = dateOf("end-of-life", endOfLife); err != nil {
			return err
		}
		if m.Until, err = dateOf("until", until); err != nil {
			return err
		}
		path, body, err := v.request(p, m)
		if err != nil {
			return err
		}
		r, err := call[lifecycleResult](cmd.Context(), c, http.MethodPost, path, body)
		if err != nil {
			return fmt.Errorf("%s: %w", v.move, err)
		}
		r.reason = m.Reason
		return c.print(r)
	}
	return cmd
}

// movedText is what it means for a version that it is in a state, after a move of it.
func movedText(s index.VersionState, reason string) string {
	switch s {
	case index.VersionYanked:
		return strings.Replace("is yanked ("+reason+"): no new install takes it", " ()", "", 1)
	case index.VersionActive:
		return "is not yanked any more"
	}
	return "is " + string(s)
}

// checkReason refuses a reason that is not of the closed list, or is not given where
// one is needed.
func checkReason(verb, reason string, needed bool) error {
	switch known := format.Reasons(); {
	case reason == "" && needed:
		return usagef("%s: why? give --reason, one of %s", verb, strings.Join(known, ", "))
	case reason != "" && !slices.Contains(known, reason):
		return usagef("%s: --reason %q: expected one of %s", verb, reason, strings.Join(known, ", "))
	}
	return nil
}

// reasonFlag is --reason of a verb.
func reasonFlag(f *pflag.FlagSet, reason *string, needed bool) {
	why := "why"
	if needed {
		why = "why (needed)"
	}
	f.StringVar(reason, "reason", "", why+", a `CODE`: "+strings.Join(format.Reasons(), ", "))
}

// request is where a move goes, and what it says.
func (v lifecycleVerb) request(p pluginArg, m index.NewMove) (string, any, error) {
	switch {
	case v.version && p.text == "":
		return "", nil, usagef("%s: %s: which version? expected %s@1.2.0", v.move, p.id, p.id)
	case !v.version && p.text != "":
		return "", nil, usagef("%s: %s@%s names a version, and this is done to the plugin; expected %s (one version: oarlock yank %s@%s)", v.move, p.id, p.text, p.id, p.id, p.text)
	case v.version:
		return "/plugins/" + p.id.String() + "/versions/" + url.PathEscape(p.text) + "/" + v.move, index.VersionMove{Reason: m.Reason, Text: m.Text}, nil
	}
	m.Move = v.move
	return "/plugins/" + p.id.String() + "/lifecycle", m, nil
}

// dateOf reads a day, which begins at midnight UTC, or a moment.
func dateOf(flag, s string) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return &t, nil
		}
	}
	return nil, usagef("--%s %q: expected a date such as 2028-06-30 or a moment such as 2028-06-30T12:00:00Z", flag, s)
}

// pluginHistoryResult are statements of a plugin's ledger.
type pluginHistoryResult struct {
	ID    string                  `json:"id"`
	Items []index.LedgerStatement `json:"items"`
}

func (r pluginHistoryResult) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "nothing was said about %s", r.ID)
	}
	return table(w, func(row func(...string)) {
		row("SEQ", "TIME", "KIND", "ACTOR", "ROLE", "REASON", "TEXT")
		for _, s := range r.Items {
			row(fmt.Sprint(s.Sequence), s.At.UTC().Format(time.RFC3339), s.Kind, s.Actor, s.Role, word(s.Body, "reason"), short(aboutOf(s.Body), 600))
		}
	})
}

// aboutOf is what a statement is about besides its reason: the version, where to
// go and until when, and what its author wrote.
func aboutOf(body map[string]any) string {
	var about []string
	for _, one := range []struct{ key, before string }{{"version", ""}, {"replacement", "replaced by "}, {"end_of_life", "end of life "}, {"guide", "guide "},
		{"until", "expected to end "}, {"existing", "who has it: "}} {
		if value := word(body, one.key); value != "" {
			about = append(about, one.before+value)
		}
	}
	about = append(about, emergencyAbout(body)...)
	out := strings.Join(about, ", ")
	if text := word(body, "text"); text != "" {
		return strings.TrimPrefix(out+": "+text, ": ")
	}
	return out
}

// emergencyAbout is what an emergency names, or which one is undone, and on whose word
// besides its author's; nothing of another statement.
func emergencyAbout(body map[string]any) (about []string) {
	approved, is := body["approved_by"].([]any)
	if !is {
		return nil
	}
	digests, _ := body["digests"].([]any)
	if all, _ := body["all"].(bool); all {
		about = append(about, "all versions")
	} else {
		for _, d := range digests {
			about = append(about, fmt.Sprint(d))
		}
	}
	if of := word(body, "of"); of != "" {
		about = append(about, "of statement "+of)
	}
	for _, who := range approved {
		about = append(about, fmt.Sprintf("approved by %s", who))
	}
	if len(approved) == 0 {
		about = append(about, "on one person's word")
	}
	return about
}

func word(body map[string]any, key string) string {
	s, _ := body[key].(string)
	return s
}

func newHistory(c *console) *cobra.Command {
	cmd := verb("history PLUGIN", "Show what was said about a plugin", "Every statement of its ledger, the oldest first.", "oarlock history acme/hello")
	cmd.Args = args(1, 1, "one plugin such as acme/hello")
	cmd.ValidArgsFunction = c.completePlugins
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[0])
		if err != nil {
			return err
		}
		out := pluginHistoryResult{ID: p.id.String(), Items: []index.LedgerStatement{}}
		for after := 0; ; {
			page, err := call[index.LedgerPage](cmd.Context(), c, http.MethodGet, fmt.Sprintf("/plugins/%s/history?limit=500&after=%d", p.id, after), nil)
			if err != nil {
				return fmt.Errorf("history: %w", err)
			}
			out.Items = append(out.Items, page.Items...)
			if page.Next <= after {
				return c.print(out)
			}
			after = page.Next
		}
	}
	return cmd
}
