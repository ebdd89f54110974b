package cli

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/cmd/internal/app"
	"github.com/oarlock/oarlock/index/explained"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/explain"
)

func newPolicy(c *console) *cobra.Command {
	return parent("policy", "Show, check, explain and try trust policies", newPolicyShow(c), newPolicyCheck(c), newPolicyExplain(c), newPolicyTest(c))
}

// policyResult is a trust policy, namespace by namespace.
type policyResult struct{ explained.Policy }

func (r policyResult) text(w io.Writer) error {
	if err := writeLine(w, "policy %s, trusted roots: %d", r.Digest, r.TrustedRoots); err != nil {
		return err
	}
	if len(r.Namespaces)+len(r.Platforms) == 0 {
		return writeLine(w, "it trusts nobody")
	}
	return table(w, func(row func(...string)) {
		row("NAMESPACE", "SIGNATURE", "THRESHOLD", "TRUSTS", "ID")
		for _, ns := range r.Namespaces {
			ruleRows(row, ns)
		}
		for _, s := range r.Platforms {
			row("", "", "", "ledgers of "+signerText(s), s.ID.String())
		}
	})
}

// ruleRows tell one namespace: its first signer on the first line, and each
// attestation that it speaks of on a line of its own.
func ruleRows(row func(...string), ns explain.Rule) {
	head := []string{ns.Namespace, ns.Signature, strconv.Itoa(ns.Threshold)}
	if ns.LedgerKeys {
		row(append(head, "the keys of the publisher's ledger", "")...)
		head = []string{"", "", ""}
	} else if len(ns.Signers) == 0 {
		row(append(head, "nobody", "")...)
	}
	for _, s := range ns.Signers {
		row(append(head, signerText(s), s.ID.String())...)
		head = []string{"", "", ""}
	}
	for _, a := range ns.Attestations {
		said := "takes " + a.Type
		if a.Required {
			said = "requires " + a.Type
		}
		if a.Builder != "" {
			said += " from " + a.Builder
		}
		switch review := a.Type == policy.KindReview || a.Type == policy.TypeReview; {
		case len(a.Signers) > 0:
			said += " by " + strings.Join(a.Signers, " or ")
		case review:
			said += " by another signer than the version's"
		}
		row("", "", "", short(said, 120), "")
	}
}

// signerText is a signer with its identity and the bounds of its signatures.
func signerText(s explain.Signer) string {
	text := s.Name
	if o := s.Origin; o != nil {
		text += fmt.Sprintf(" (key %q, added %s)", o.Name, o.AddedAt.UTC().Format(time.RFC3339))
	}
	if s.Issuer != "" {
		text += fmt.Sprintf(" (%s, by %s)", s.Subject, s.Issuer)
	}
	for _, bound := range []struct {
		what string
		at   time.Time
	}{{"not before", s.Validity.NotBefore}, {"not after", s.Validity.NotAfter}} {
		if !bound.at.IsZero() {
			text += fmt.Sprintf(", %s %s", bound.what, bound.at.UTC().Format(time.RFC3339))
		}
	}
	if r := s.Validity.Revoked; r != nil {
		text += ", revoked from " + r.From.UTC().Format(time.RFC3339)
	}
	return short(text, 160)
}

func newPolicyShow(c *console) *cobra.Command {
	cmd := verb("show", "Show the trust policy by which a server judges",
		"Each namespace with the signers it trusts and the attestations it asks for. Reviewers and operators may.",
		"oarlock policy show", "oarlock policy show --server https://plugins.example.org --output yaml")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		p, err := call[explained.Policy](cmd.Context(), c, http.MethodGet, "/admin/policy", nil)
		if err != nil {
			return fmt.Errorf("policy show: %w", err)
		}
		return c.print(policyResult{p})
	}
	return cmd
}

func newPolicyCheck(c *console) *cobra.Command {
	cmd := verb("check FILE", "Check a trust policy without a server",
		"Reads it as a server does, with the keys and roots that it names, and says every problem at once. What is\n"+
			"wrong is exit code 2.",
		"oarlock policy check trust.yaml", "oarlock policy check trust.yaml --output json")
	cmd.Args = args(1, 1, "one trust policy")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		who, err := app.CheckPolicy(cmd.Context(), args[0])
		if err != nil {
			return argument(fmt.Errorf("policy check: %w", err))
		}
		return c.print(policyResult{app.PolicyOf(who)})
	}
	return cmd
}
