package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

// watchFlags say what is watched, and what explains it.
type watchFlags struct {
	verifyFlags
	publisher string
	from      string
	all       bool
	journals  []string
	signers   []string
}

// watchedLeaf is a leaf about the publisher's names.
type watchedLeaf struct {
	Number int64 `json:"number"`
	publog.Event
	// Explained says by what: "journal", "signature", or "" for nothing that this
	// machine knows of; Explanation says it to people.
	Explained   string `json:"explained"`
	Explanation string `json:"explanation"`
}

// watchResult are the leaves since the last time.
type watchResult struct {
	Publisher string `json:"publisher"`
	Origin    string `json:"origin"`
	From      int64  `json:"from"` // the first leaf that was looked at
	Size      int64  `json:"size"` // leaves of the checkpoint; the next time begins there
	First     bool   `json:"first"`
	// All says that every leaf was told, those about others too.
	All         bool                 `json:"all"`
	Leaves      []watchedLeaf        `json:"leaves"`
	Unexplained int                  `json:"unexplained"`
	Cosigned    []publog.Cosignature `json:"cosigned,omitempty"`
}

func (r watchResult) text(w io.Writer) error {
	since := "since the last time"
	if r.First {
		since = "the first look at this log"
	}
	err := writeLine(w, "%s: leaves %d to %d, %s: %d about %s", r.Origin, r.From, r.Size, since, len(r.Leaves), r.Publisher)
	if err != nil || len(r.Leaves) == 0 {
		return err
	}
	return table(w, func(row func(...string)) {
		row("LEAF", "TIME", "KIND", "WHAT", "DIGEST", "EXPLAINED BY")
		for _, l := range r.Leaves {
			row(strconv.FormatInt(l.Number, 10), l.At.UTC().Format(time.RFC3339), string(l.Kind),
				watchedWhat(l.Event), l.Digest.String(), cmp.Or(l.Explanation, "! nothing"))
		}
	})
}

// watchedWhat is what an event is about.
func watchedWhat(e publog.Event) string {
	switch {
	case e.Channel != "":
		return fmt.Sprintf("%s %s:%s (%d)", e.Statement, e.Plugin, e.Channel, e.Sequence)
	case e.Ledger != "":
		return fmt.Sprintf("%s, %s of %s", cmp.Or(e.Statement, string(e.Kind)), strconv.Itoa(e.Sequence), e.Ledger)
	}
	return e.Plugin + "@" + e.Version
}

func newLogWatch(c *console) *cobra.Command {
	var how watchFlags
	cmd := verb("watch --publisher NAME", "Watch the publication log for what nobody of yours did",
		"Every leaf about a publisher's names since the last time, each held to the signed tree, and the tree to the checkpoint that\n"+
			"this machine saw last. A leaf is explained by the journal of this machine (what its push, sign, channel, lifecycle and\n"+
			"publisher commands did), by a --journal of another one, or by the signature of a key that you give with --signer: on the\n"+
			"version, or on the statement. Exit code 3 says that some are explained by nothing, 12 that the log does not hold: history was\n"+
			"changed, or the server left out what the catalog or a sequence shows to be there. It takes who may read the audit log of the\n"+
			"namespace. The first time begins with the first leaf, or where --from says.",
		"oarlock log watch --publisher acme", "oarlock log watch --publisher acme --signer acme.pub --journal ci-journal.jsonl --output json",
		"oarlock log watch --publisher acme --from now", "oarlock log watch --publisher acme --all")
	cmd.Args = args(0, 0, "none")
	f := cmd.Flags()
	f.StringVar(&how.publisher, "publisher", "", "`NAME` of the publisher whose names are watched")
	f.StringVar(&how.from, "from", "", "begin with this `LEAF`, or now: with what comes from here on")
	f.BoolVar(&how.all, "all", false, "have every leaf of the log told, so that none can be left out: for who may read the audit log of the site")
	f.StringArrayVar(&how.journals, "journal", nil, "`FILE` with the journal of another machine, such as the one that builds; may be repeated")
	f.StringArrayVar(&how.signers, "signer", nil, "`FILE` of a public key of yours, whose signatures explain a leaf; may be repeated")
	how.add(f)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if how.publisher == "" {
			return usagef("log watch: whose names? give --publisher, such as --publisher acme")
		}
		if err := argument(artifact.CheckSegment(how.publisher)); err != nil {
			return err
		}
		if err := how.check("log watch", cmd); err != nil {
			return err
		}
		if err := c.watchLog(cmd.Context(), how); err != nil {
			return fmt.Errorf("log watch: %w", err)
		}
		return nil
	}
	return decides(cmd, nil)
}

// watchLog looks, says what it found, and only then remembers that it did.
func (c *console) watchLog(ctx context.Context, how watchFlags) error {
	w, err := c.openWatch(ctx, how)
	if err != nil {
		return err
	}
	r, err := w.look(ctx)
	if err != nil {
		return logProblem(err)
	}
	if err := c.print(r); err != nil {
		return err
	}
	if err := w.remember(r); err != nil {
		return err
	}
	if r.Unexplained > 0 {
		return kinded{fmt.Errorf("%d of %d leaves about %s are explained by nothing: ask who did it, and take back what nobody did "+
			"(oarlock history, oarlock publisher history, oarlock audit search)", r.Unexplained, len(r.Leaves), how.publisher), errPartial}
	}
	return nil
}

// A watch is one look at a log.
type watch struct {
	c       *console
	how     watchFlags
	server  string
	by      note.Verifier
	key     string
	quorum  publog.Quorum
	shared  string // the checkpoint that log verify saw
	state   watchState
	explain *explainer
	// stated are how far ledgers went before the checkpoint was asked for.
	stated map[string]int
}

func (c *console) openWatch(ctx context.Context, how watchFlags) (*watch, error) {
	w := &watch{c: c, how: how, server: c.serverAt(ctx)}
	var err error
	if w.quorum, err = publog.NewQuorum(how.witnesses, how.quorum); err != nil {
		return nil, argument(err)
	}
	if w.explain, err = newExplainer(ctx, c, how, hostOf(w.server)); err != nil {
		return nil, err
	}
	var known knownLog
	if !how.forget {
		if known, err = newLogMemory().of(w.server); err != nil {
			return nil, err
		}
		if w.state, err = newWatchMemory().of(w.server, how.publisher); err != nil {
			return nil, err
		}
	}
	if w.by, w.key, err = c.logKey(ctx, how.key, cmp.Or(w.state.Key, known.Key)); err != nil {
		return nil, err
	}
	if known.Key == w.key {
		w.shared = known.Checkpoint
	}
	if w.state.Key != "" && w.state.Key != w.key {
		return nil, fmt.Errorf("this machine watches the log with the key %s, and --key is another: "+
			"--forget begins anew: %w", w.state.Key, artifact.ErrUnverified)
	}
	return w, nil
}

// look reads what is new, holds it to the tree and to what else is known, and
// explains it.
func (w *watch) look(ctx context.Context) (watchResult, error) {
	if err := w.heads(ctx); err != nil {
		return watchResult{}, err
	}
	for until := time.Now().Add(cosignedWithin); ; {
		r, err := w.once(ctx)
		var late *lateError
		if !errors.As(err, &late) && !later(err) || time.Now().After(until) {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (w *watch) once(ctx context.Context) (watchResult, error) {
	f, err := publog.Follow(ctx, w.c.logFile, w.by, w.quorum, w.state.Checkpoint, w.shared)
	var p *index.Problem
	if errors.As(err, &p) && p.Code == index.CodeNotFound && w.state.Checkpoint+w.shared != "" {
		return watchResult{}, kinded{fmt.Errorf("the log that this machine saw is not there: %w", err), artifact.ErrUnverified}
	}
	if err != nil {
		return watchResult{}, err
	}
	next := w.state.next(w.key, f)
	r := watchResult{Publisher: w.how.publisher, Origin: f.Checkpoint.Origin, Size: f.Checkpoint.N, First: w.state.Key == "", All: w.how.all,
		Leaves: []watchedLeaf{}, Cosigned: f.Cosigned}
	if err := next.begin(w.how.from, f.Checkpoint.N); err != nil {
		return r, err
	}
	r.From = next.Next
	told, err := w.told(ctx, f, &next)
	if err != nil {
		return r, err
	}
	if err := w.omitted(ctx, next); err != nil {
		return r, err
	}
	for _, l := range told {
		if l.Explained, l.Explanation, err = w.explain.leaf(ctx, l.Event); err != nil {
			return r, err
		}
		if l.Explained == "" {
			r.Unexplained++
		}
		r.Leaves = append(r.Leaves, l)
	}
	w.state = next
	return r, nil
}

// told are the leaves about the publisher that the checkpoint signs and that were
// not looked at: next is what is known after them.
func (w *watch) told(ctx context.Context, f *publog.Followed, next *watchState) ([]watchedLeaf, error) {
	var out []watchedLeaf
	q := url.Values{"limit": {"1000"}}
	if !w.how.all {
		q.Set("publisher", w.how.publisher)
	}
	last := next.Next - 1
	for from := next.Next; from < f.Checkpoint.N; {
		q.Set("from", strconv.FormatInt(from, 10))
		page, err := call[index.LogPage](ctx, w.c, http.MethodGet, "/log/leaves?"+q.Encode(), nil)
		if err != nil {
			return nil, err
		}
		var rows []publog.Row
		for _, one := range page.Items {
			if one.Number <= last || w.how.all && one.Number != last+1 {
				return nil, fmt.Errorf("the server tells of leaf %d after leaf %d: it leaves some out, or tells them twice: %w",
					one.Number, last, artifact.ErrUnverified)
			}
			if last = one.Number; one.Number < f.Checkpoint.N { // the others are signed the next time
				rows = append(rows, publog.Row{Number: one.Number, Salt: one.Salt, Event: one.Event})
			}
		}
		events, err := f.CheckRows(rows)
		if err != nil {
			return nil, err
		}
		for i, e := range events {
			if e.Publisher() != w.how.publisher {
				if w.how.all {
					continue
				}
				return nil, fmt.Errorf("the server tells of leaf %d as one about %s, and it is about %q: %w",
					rows[i].Number, w.how.publisher, e.Publisher(), artifact.ErrUnverified)
			}
			if err := next.saw(rows[i].Number, e); err != nil {
				return nil, err
			}
			out = append(out, watchedLeaf{Number: rows[i].Number, Event: e})
		}
		if page.Next <= from {
			break
		}
		from = page.Next
	}
	if w.how.all && last < f.Checkpoint.N-1 {
		return nil, fmt.Errorf("the server tells of no leaf after %d, and %d are signed: %w", last, f.Checkpoint.N, artifact.ErrUnverified)
	}
	next.Next = f.Checkpoint.N
	return out, nil
}
