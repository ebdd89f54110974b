package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/signature"
)

// attestResult is what was attested.
type attestResult struct{ signature.Attested }

func (r attestResult) text(w io.Writer) error {
	if r.Already {
		return writeLine(w, "%s: this key attests the same already: %s (%s): nothing was written", r.Reference, r.PredicateType, r.Format)
	}
	return writeLine(w, "%s attested: %s (%s)", r.Reference, r.PredicateType, r.Format)
}

func newAttest(c *console) *cobra.Command {
	var key keyFlag
	var kind, path string
	cmd := verb("attest REF --type T --predicate F --key K", "Attest something about a version in a registry",
		"Signs an in-toto statement that holds the predicate, as cosign does: \"cosign verify-attestation --key\" accepts\n"+
			"it, and cosign's attestations count here. A predicate of a known type must follow its schema.\n"+
			"Types: "+strings.Join(attest.Names(), ", ")+", or the URI of a predicate type.",
		"oarlock attest 127.0.0.1:7117/acme/hello:0.2.0 --type cyclonedx --predicate sbom.json --key acme.key",
		"oarlock attest 127.0.0.1:7117/acme/hello@sha256:… --type slsaprovenance1 --predicate provenance.json --key acme.key --signature-format cosign-tag")
	cmd.Args = args(1, 1, "one reference such as 127.0.0.1:7117/acme/hello:0.2.0")
	key.add(cmd.Flags())
	cmd.Flags().StringVar(&kind, "type", "", "`TYPE` of the predicate: a name from above, or a URI")
	cmd.Flags().StringVar(&path, "predicate", "", "JSON `FILE` that holds the predicate, or - for stdin")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case key.path == "":
			return usagef("attest: with which key? give --key FILE (oarlock key generate makes one)")
		case kind == "" || path == "":
			return usagef("attest: what? give --type TYPE and --predicate FILE")
		}
		if err := c.reference(args[0]); err != nil {
			return err
		}
		predicateType, err := attest.TypeOf(kind)
		if err != nil {
			return argument(fmt.Errorf("attest: %w", err))
		}
		content, err := c.readFile(cmd.Context(), path)
		if err != nil {
			return fmt.Errorf("attest: %w", err)
		}
		if err := attest.CheckNew(predicateType, content, time.Now()); err != nil {
			return fmt.Errorf("attest: %w", err)
		}
		done, err := signature.Attest(cmd.Context(), signature.AttestOptions{Reference: args[0], Key: key.path, Format: key.format,
			PredicateType: predicateType, Predicate: content, Password: c.password(cmd.Context()), Remote: c.signatures(args[0])})
		if err != nil {
			return fmt.Errorf("attest: %w", err)
		}
		c.pushed(cmd.Context(), "attest", done.Reference, "")
		return c.print(attestResult{done})
	}
	return cmd
}

// readFile reads a file of at most signature.MaxEnvelope bytes, or stdin.
func (c *console) readFile(ctx context.Context, path string) ([]byte, error) {
	if path != "-" {
		return bounded.ReadArgument(ctx, path, signature.MaxEnvelope)
	}
	content, err := io.ReadAll(io.LimitReader(c.stdin(ctx, "the predicate"), signature.MaxEnvelope+1))
	if err == nil && len(content) > signature.MaxEnvelope {
		err = fmt.Errorf("%q: more than %d bytes: %w", path, signature.MaxEnvelope, artifact.ErrInvalid)
	}
	return content, err
}

// attestations judges the attestations of a reference by digest. An error wraps
// artifact.ErrUnverified where the policy requires what does not hold.
func (c *console) attestations(ctx context.Context, ref, within string, ledgers *ledgerSigners) (*policy.Attestations, error) {
	signed, err := signature.New(signature.Options{Trust: ledgers.who, CacheSize: 1})
	if err != nil {
		return nil, argument(err)
	}
	judge, err := attest.New(signed, 1)
	if err != nil {
		return nil, err
	}
	subject, evidence, err := c.signatures(ref).Evidence(ctx, ref)
	if err != nil {
		return nil, err
	}
	subject.Within = digest.Digest(within)
	repository, _, _ := strings.Cut(ref, "@")
	subject.LedgerKeys = ledgers.of(ctx, repository, subject.Publisher)
	judged, err := judge.Judge(ctx, subject, evidence)
	if err != nil {
		return nil, err
	}
	return &judged, unattested(judged)
}

// unattested is the error of what the policy requires and does not hold.
func unattested(judged policy.Attestations) error {
	verdict := judged.Verdict()
	var why []string
	for _, f := range verdict.Reasons() {
		why = append(why, f.Detail)
	}
	switch verdict.Outcome() {
	case policy.Allow:
		return nil
	case policy.Deny:
		return fmt.Errorf("%s: %w", strings.Join(why, "\n  "), artifact.ErrUnverified)
	}
	return fmt.Errorf("could not tell: %s", strings.Join(why, "\n  "))
}

// attestationRows tells each attestation, and what lies beside them.
func attestationRows(w io.Writer, judged *policy.Attestations) error {
	if len(judged.All)+len(judged.Evidence) == 0 {
		return writeLine(w, "no attestations")
	}
	return table(w, func(row func(...string)) {
		row("ATTESTATION", "KIND", "VERIFIED", "DIGEST", "WHY")
		for _, a := range judged.All {
			verified := "no"
			if a.Verified {
				verified = "by " + a.Signer
			}
			row(a.PredicateType, a.Kind, verified, a.Digest.String(), short(a.Finding.Detail, 120))
		}
		for _, f := range judged.Evidence {
			row("-", "", "no", f.Digest.String(), short(f.Detail, 120))
		}
	})
}
