package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/trust"
)

func newLedger(c *console) *cobra.Command {
	return parent("ledger", "Verify ledgers, wherever they lie", newLedgerVerify(c), newLedgerKeys(c))
}

// ledgerResult is what was found out about a ledger.
type ledgerResult struct {
	Reference string            `json:"reference"`
	Ledger    string            `json:"ledger"`
	Outcome   policy.Outcome    `json:"outcome"`
	Head      string            `json:"head"` // of the part that holds, as --head takes it
	Findings  []ledger.Finding  `json:"findings"`
	Publisher *ledger.Publisher `json:"publisher,omitempty"`
}

func (r ledgerResult) text(w io.Writer) error {
	for _, f := range r.Findings {
		mark := "! "
		if f.Outcome.Allowed() {
			mark = ""
		}
		_ = writeLine(w, "%s%s: %s", mark, f.Code, f.Detail)
	}
	if r.Publisher.IsVerified() {
		_ = writeLine(w, "verified by %s, %s", r.Publisher.Verified.Evidence, day(&r.Publisher.Verified.At, ""))
	}
	if r.Head != "" {
		return writeLine(w, "head %s", r.Head)
	}
	return nil
}

func newLedgerVerify(c *console) *cobra.Command {
	var trusted trustFlags
	var head string
	var forget bool
	cmd := verb("verify REF (--key K | --policy F)", "Verify a ledger in any OCI registry",
		"Reads every statement and judges who signed it, whether they might, and the order; no catalog is\n"+
			"asked. The head is remembered on this machine, so that a ledger that loses or changes what was\n"+
			"seen before is noticed, on a mirror too. Exit code 12 says that it does not hold; any other\n"+
			"failure that it could not be told.",
		"oarlock ledger verify 127.0.0.1:7117/oarlock/publishers:acme --key platform.pub",
		"oarlock ledger verify mirror.example.org/acme/hello:oarlock-state --policy trust.yaml --head 12:sha256:…")
	cmd.Args = args(1, 1, "a ledger such as HOST/oarlock/publishers:acme or HOST/acme/hello:oarlock-state")
	trusted.add(cmd.Flags())
	cmd.Flags().StringVar(&head, "head", "", "`SEQUENCE:DIGEST` that the ledger must contain, as an earlier verification printed it")
	cmd.Flags().BoolVar(&forget, "forget", false, "do not ask what this machine remembers, and remember what is found")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.reference(args[0]); err != nil {
			return err
		}
		ref, err := format.ParseRef(args[0])
		if err != nil {
			return argument(err)
		}
		platforms, err := trusted.platforms(cmd.Context())
		if err != nil {
			return err
		}
		m := c.ledgerMemory(ref, platforms)
		var known format.Head
		switch {
		case head != "":
			if known, err = format.ParseHead(head); err != nil {
				return argument(err)
			}
		case !forget:
			if known, err = m.head(); err != nil {
				return fmt.Errorf("ledger verify: %w", err)
			}
		}
		r, err := c.verifyLedger(cmd.Context(), args[0], ref, platforms, known)
		if err != nil {
			return fmt.Errorf("ledger verify: %w", err)
		}
		return c.ledgerVerdict(r, m)
	}
	return decides(cmd, nil)
}

// ledgerVerdict prints r, remembers what holds, and says the rest as an error.
func (c *console) ledgerVerdict(r ledgerResult, m ledgerMemory) error {
	if err := c.print(r); err != nil {
		return err
	}
	switch r.Outcome {
	case policy.Allow:
		return m.remember(r.Head)
	case policy.Deny:
		return kinded{errReported, artifact.ErrUnverified}
	}
	return kinded{errReported, errUndecided}
}

// platforms are the sites whose ledgers count: the one of --key, or those that
// the policy names.
func (t *trustFlags) platforms(ctx context.Context) ([]trust.Signer, error) {
	if !t.given() {
		return nil, usagef("ledger verify: against what? give --key FILE with the platform's key (oarlock ledger keys), or --policy FILE with platforms")
	}
	who, err := t.read(ctx)
	if err != nil {
		return nil, err
	}
	if t.key != "" {
		return who.For(trust.Everyone).Signers, nil
	}
	if len(who.Platforms()) == 0 {
		return nil, usagef("ledger verify: %s names no platforms", t.policy)
	}
	return who.Platforms(), nil
}

func (c *console) verifyLedger(ctx context.Context, at string, ref format.Ref, platforms []trust.Signer, known format.Head) (ledgerResult, error) {
	judge, err := ledger.New(ledger.Options{Platforms: platforms})
	if err != nil {
		return ledgerResult{}, argument(err)
	}
	var got ledger.Judgement
	switch subject, reader, err := c.signatures(at).Evidence(ctx, at); {
	case err == nil:
		got = judge.ReadAt(ctx, ref, subject.Digest, reader, known)
	case errors.Is(err, artifact.ErrNotFound) && !known.IsZero():
		got = judge.Read(ctx, ref, nothing{}, known)
	default:
		return ledgerResult{}, err
	}
	return ledgerResult{Reference: at, Ledger: ref.String(), Outcome: got.Verdict().Outcome(), Head: got.State.Head.String(),
		Findings: got.Findings, Publisher: got.State.Publisher}, ctx.Err()
}

// nothing is a repository that has nothing.
type nothing struct{ policy.Reader }

func (nothing) Tag(context.Context, string) (digest.Digest, error) { return "", artifact.ErrNotFound }

// platformKeys are those whose ledgers count at a site.
type platformKeys struct{ index.PlatformKeyList }

func (r platformKeys) text(w io.Writer) error {
	for _, k := range r.Items {
		fmt.Fprintf(w, "# %s %s\n%s", line(k.Name), k.ID, k.PEM)
	}
	return nil
}

// usableKeys refuses a list that would make a file that verifies nothing.
func usableKeys(all []index.PlatformKey) error {
	if len(all) == 0 {
		return fmt.Errorf("the server names no platform key of its own: %w", artifact.ErrNotFound)
	}
	for _, k := range all {
		if _, err := trust.ParseKey([]byte(k.PEM)); err != nil {
			return &client.AnswerError{Detail: fmt.Sprintf("key %q: %v", k.ID, err)}
		}
	}
	return nil
}

func newLedgerKeys(c *console) *cobra.Command {
	var all bool
	cmd := verb("keys", "Print the platform key of a server",
		"It signs the ledgers that begin there. Keep it where mirrors are verified: a key that is asked for\n"+
			"again is only as good as who answers.", "oarlock ledger keys > platform.pub", "oarlock ledger keys --all --output json")
	cmd.Args = args(0, 0, "none")
	cmd.Flags().BoolVar(&all, "all", false, "the keys of the platforms that it trusts too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := call[platformKeys](cmd.Context(), c, http.MethodGet, "/platform-keys", nil)
		if err != nil {
			return fmt.Errorf("ledger keys: %w", err)
		}
		if !all {
			r.Items = slices.DeleteFunc(r.Items, func(k index.PlatformKey) bool { return !k.Own })
		}
		if err := usableKeys(r.Items); err != nil {
			return fmt.Errorf("ledger keys: %s: %w", hostOf(c.serverAt(cmd.Context())), err)
		}
		return c.print(r)
	}
	return cmd
}
