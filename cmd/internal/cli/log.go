package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/mod/sumdb/note"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

func newLog(c *console) *cobra.Command {
	return parent("log", "Verify the publication log, and prove what is in it", newLogVerify(c), newLogProve(c), newLogWatch(c), newLogRecover(c))
}

// logResult is a publication log that holds.
type logResult struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
	Key    string `json:"key"`
	// Since is how many of the leaves this machine knew before.
	Since int64 `json:"since"`
	// Older is how many leaves this machine saw, where a copy has fewer.
	Older int64 `json:"older,omitempty"`
	// Rows is how many rows of the database were compared with the log.
	Rows       int64  `json:"rows"`
	Compared   bool   `json:"compared"` // the rows were
	Checkpoint string `json:"checkpoint"`
	// Cosigned are the cosignatures of the witnesses that were named.
	Cosigned []publog.Cosignature `json:"cosigned,omitempty"`
	copy     bool                 // no server was asked
}

func (r logResult) text(w io.Writer) error {
	if err := writeLine(w, "the log holds: %s, %d leaves, %s", r.Origin, r.Size, r.Root); err != nil {
		return err
	}
	if err := writeLine(w, "%s", r.extends()); err != nil {
		return err
	}
	for _, one := range r.Cosigned {
		if err := writeLine(w, "%s cosigned it at %s", one.Witness, one.At.Format(time.RFC3339)); err != nil {
			return err
		}
	}
	if r.copy {
		return nil
	}
	if !r.Compared {
		return writeLine(w, "the rows of the database were not compared: that takes who may read the audit log")
	}
	return writeLine(w, "%d rows of the database are what the log has", r.Rows)
}

// extends says what the log was held to.
func (r logResult) extends() string {
	switch {
	case r.Older > 0:
		return fmt.Sprintf("it is an older copy: this machine saw %d leaves, and whether those extend it the copy cannot tell", r.Older)
	case r.Since == 0:
		return "it is seen for the first time, and its key is remembered: " + r.Key
	}
	return fmt.Sprintf("it extends the %d leaves that were seen before", r.Since)
}

func newLogVerify(c *console) *cobra.Command {
	var how verifyFlags
	cmd := verb("verify", "Verify the whole publication log",
		"Reads every entry and every tile, and holds them to the signed checkpoint, and that to the last one\n"+
			"that this machine saw. Who may read the audit log has the events in the database compared too. The key and\n"+
			"the checkpoint are remembered. Exit code 12 says that the log does not hold; any other failure that it\n"+
			"could not be told. With --witness the checkpoint has to be cosigned by these witnesses too (C2SP tlog-cosignature).",
		"oarlock log verify", "oarlock log verify --witness witness.example.org/w1+1f2e3d4c+BA… --quorum 1",
		"oarlock log verify --key plugins.example.org/log/k3v9q2m7xw+1f2e3d4c+AX…", "oarlock log verify --checkpoint kept.txt",
		"oarlock log verify --registry mirror.example.org")
	cmd.Args = args(0, 0, "none")
	how.add(cmd.Flags())
	cmd.Flags().StringVar(&how.kept, "checkpoint", "", "a checkpoint of the log that was kept elsewhere, in this `FILE`: the log has to extend it")
	cmd.Flags().StringVar(&how.registry, "registry", "", "verify the copy (oarlock/log) in this `HOST` or HOST/FOLDER of any OCI registry, and ask no server")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := how.check("log verify", cmd); err != nil {
			return err
		}
		verify := c.verifyLog
		if how.registry != "" {
			verify = c.verifyCopy
		}
		r, err := verify(cmd.Context(), how)
		if err != nil {
			return fmt.Errorf("log verify: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

// verifyFlags say what a log has to be.
type verifyFlags struct {
	key       string
	forget    bool
	witnesses []string
	quorum    int
	kept      string // a file
	registry  string
}

func (how *verifyFlags) add(f *pflag.FlagSet) {
	f.StringVar(&how.key, "key", "", "the log's `KEY`, as oarlock log verify --output json prints it; else the one that is remembered, or the server's")
	f.BoolVar(&how.forget, "forget", false, "do not ask what this machine remembers, and remember what is found")
	f.StringArrayVar(&how.witnesses, "witness", nil, "`KEY` of a witness that has to cosign, NAME+HASH+KEY; may be repeated")
	f.IntVar(&how.quorum, "quorum", 0, "how many of the witnesses have to cosign, `N`; all of them if it is not given")
}

func (how *verifyFlags) check(verb string, cmd *cobra.Command) error {
	if cmd.Flags().Changed("quorum") && how.quorum < 1 {
		return usagef("%s: --quorum %d: expected 1 or more", verb, how.quorum)
	}
	return nil
}

func (c *console) verifyLog(ctx context.Context, how verifyFlags) (logResult, error) {
	q, err := publog.NewQuorum(how.witnesses, how.quorum)
	if err != nil {
		return logResult{}, argument(err)
	}
	m, server := newLogMemory(), c.serverAt(ctx)
	var seen knownLog
	if !how.forget {
		if seen, err = m.of(server); err != nil {
			return logResult{}, err
		}
	}
	by, text, err := c.logKey(ctx, how.key, seen.Key)
	if err != nil {
		return logResult{}, err
	}
	if text != seen.Key {
		seen = knownLog{Key: text}
	}
	kept, err := how.keptCheckpoint(ctx, by)
	if err != nil {
		return logResult{}, err
	}
	v, err := c.cosignedLog(ctx, by, q, seen.Checkpoint, kept)
	var p *index.Problem
	if errors.As(err, &p) && p.Code == index.CodeNotFound && seen.Checkpoint != "" {
		return logResult{}, kinded{fmt.Errorf("the log that this machine saw is not there: %w", err), artifact.ErrUnverified}
	}
	if err != nil {
		return logResult{}, logProblem(err)
	}
	r := logResult{Origin: v.Checkpoint.Origin, Size: v.Checkpoint.N, Root: v.Checkpoint.Hash.String(), Key: text, Checkpoint: v.Signed, Cosigned: v.Cosigned}
	for _, one := range []string{seen.Checkpoint, kept} {
		if before, err := publog.OpenCheckpoint(one, by); err == nil {
			r.Since = max(r.Since, before.N)
		}
	}
	if r.Rows, r.Compared, err = c.compareRows(ctx, v); err != nil {
		return r, err
	}
	return r, m.remember(server, knownLog{Key: text, Checkpoint: v.Signed})
}

// cosignedWithin is how long a checkpoint may lack its cosignatures, since witnesses are
// asked after it is signed, and leaves that another replica showed.
const cosignedWithin = 5 * time.Second

// later reports whether a log that does not hold may hold in a moment.
func later(err error) bool {
	return errors.Is(err, publog.ErrNotCosigned) || errors.Is(err, publog.ErrFewer)
}

// cosignedLog reads the whole log, and waits a moment for its cosignatures.
func (c *console) cosignedLog(ctx context.Context, by note.Verifier, q publog.Quorum, seen ...string) (publog.Verification, error) {
	for until := time.Now().Add(cosignedWithin); ; {
		v, err := publog.VerifyWitnessed(ctx, c.logFile, by, q, seen...)
		if !later(err) || time.Now().After(until) {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// logKey is the key that is given, or else remembered, or else the server's. A
// server whose key is another than it was has another log: artifact.ErrUnverified.
func (c *console) logKey(ctx context.Context, given, remembered string) (note.Verifier, string, error) {
	text := cmp.Or(given, remembered)
	if text == "" {
		state, err := call[index.Log](ctx, c, http.MethodGet, "/log", nil)
		if err != nil {
			return nil, "", err
		}
		text = state.Key
	}
	by, err := publog.NewVerifier(text)
	if err != nil && given != "" {
		err = argument(err)
	}
	return by, text, err
}

// logFile gets what lies under a path of the server's log.
func (c *console) logFile(ctx context.Context, path string) ([]byte, error) {
	return c.text(ctx, publog.Path+path)
}

func (c *console) text(ctx context.Context, path string) ([]byte, error) {
	resp, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	const most = 1 << 20
	raw, err := io.ReadAll(io.LimitReader(resp.Body, most))
	return raw, errors.Join(err, resp.Body.Close())
}

// logProblem says of a server that serves no whole log that the log does not hold.
func logProblem(err error) error {
	var p *index.Problem
	if errors.As(err, &p) && p.Code == index.CodeLogBehind {
		return kinded{err, artifact.ErrUnverified}
	}
	return err
}

// compareRows holds every row of the database to the log, where the caller may
// read them: none may be missing, moved or changed.
func (c *console) compareRows(ctx context.Context, v publog.Verification) (rows int64, compared bool, err error) {
	for from := int64(0); ; {
		page, err := call[index.LogPage](ctx, c, http.MethodGet, fmt.Sprintf("/log/leaves?limit=1000&from=%d", from), nil)
		var p *index.Problem
		if errors.As(err, &p) && (p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden) {
			return rows, false, nil
		}
		if err != nil {
			return rows, false, logProblem(err)
		}
		for _, one := range page.Items {
			if one.Number != rows {
				return rows, true, fmt.Errorf("row %d is gone from the database: %w", rows, artifact.ErrUnverified)
			}
			if _, err := v.CheckRow(publog.Row{Number: one.Number, Salt: one.Salt, Event: one.Event}); err != nil {
				return rows, true, err
			}
			rows++
		}
		if from = page.Next; from == 0 {
			break
		}
	}
	if rows < v.Checkpoint.N {
		return rows, true, fmt.Errorf("row %d is gone from the database: %w", rows, artifact.ErrUnverified)
	}
	return rows, true, nil
}
