package cli

import (
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
)

// verifyResult is what was found out about one digest.
type verifyResult struct {
	signature.Verified
	*policy.Attestations // where they were asked for
}

func (r verifyResult) text(w io.Writer) error {
	s := r.Signature
	line := fmt.Sprintf("%s %s", r.Reference, s.Status)
	if s.Signer != "" {
		line += fmt.Sprintf(" by %s (%s)", s.Signer, s.Format)
	}
	if s.Covered != "" {
		line += fmt.Sprintf(", as part of %s", s.Covered)
	}
	if err := writeLine(w, "%s", line); err != nil || r.Attestations == nil {
		return err
	}
	return attestationRows(w, r.Attestations)
}

func newVerify(c *console) *cobra.Command {
	var trust trustFlags
	var within string
	var attestations bool
	cmd := verb("verify REF (--key K | --policy F)", "Verify who signed a version",
		"Judges every signature that cosign 2 and 3 may have left, as the catalog does. Exit code 12 says that\n"+
			"it does not hold; any other failure that it could not be told.",
		"oarlock verify 127.0.0.1:7117/acme/hello:0.2.0 --key acme.pub", "oarlock verify 127.0.0.1:7117/acme/hello:0.2.0 --policy trust.yaml --attestations", "oarlock verify registry.example.org/acme/hello@sha256:… --policy trust.yaml --output json")
	cmd.Args = args(1, 1, "one reference such as 127.0.0.1:7117/acme/hello:0.2.0")
	trust.add(cmd.Flags())
	cmd.Flags().StringVar(&within, "within", "", "`DIGEST` of the image index whose signature covers the reference")
	cmd.Flags().BoolVar(&attestations, "attestations", false, "judge the attestations too; those that the policy requires must hold")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !trust.given() {
			return usagef("verify: against what? give --key FILE or --policy FILE")
		}
		if err := c.reference(args[0]); err != nil {
			return err
		}
		who, err := trust.read(cmd.Context())
		if err != nil {
			return err
		}
		ledgers := c.ledgerSigners(who)
		v, err := signature.VerifyRemote(cmd.Context(), signature.VerifyOptions{Reference: args[0], Within: digest.Digest(within), Trust: who, LedgerKeys: ledgers.of, Remote: c.signatures(args[0])})
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		r := verifyResult{Verified: v}
		if attestations {
			if r.Attestations, err = c.attestations(cmd.Context(), v.Reference, within, ledgers); err != nil {
				return fmt.Errorf("verify: %w", err)
			}
		}
		return c.print(r)
	}
	return cmd
}
