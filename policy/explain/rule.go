package explain

import (
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
)

// A Rule is what the trust policy asks of one namespace, fit to be shown.
type Rule struct {
	// Namespace is a publisher, "*" for all without their own, or "" where the
	// policy says nothing.
	Namespace string `json:"namespace"`
	// Signature is "required" or "optional".
	Signature string `json:"signature"`
	// Threshold is how many different signers must have signed.
	Threshold int      `json:"threshold"`
	Signers   []Signer `json:"signers"`
	// LedgerKeys: the keys of the publisher's ledger count too, as one signer.
	LedgerKeys   bool          `json:"ledger_keys"`
	Attestations []Requirement `json:"attestations"`
	Digest       digest.Digest `json:"digest"` // equal for rules that judge alike
}

// A Signer is somebody trusted to sign.
type Signer struct {
	Name string `json:"name"`
	// ID is the digest of the public key in PKIX form, or of the identity.
	ID digest.Digest `json:"id"`
	// Issuer and Subject are those of an identity, exact or as a pattern.
	Issuer  string `json:"issuer,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Validity says which of its signatures count, by their time.
	Validity trust.Validity `json:"validity,omitzero"`
	// Origin is the key of the publisher's ledger that it is; the others are
	// named by the policy.
	Origin *policy.LedgerKey `json:"origin,omitempty"`
}

// SignerOf is s, fit to be shown.
func SignerOf(s trust.Signer) Signer {
	out := Signer{Name: s.Name, ID: s.ID, Validity: s.Validity, Origin: s.Origin}
	if id := s.Identity; id != nil {
		out.Issuer, out.Subject = id.Issuer+id.IssuerPattern, id.Subject+id.SubjectPattern
	}
	return out
}

// A Requirement is what a namespace says about attestations of one type.
type Requirement struct {
	Type     string `json:"type"`
	Required bool   `json:"required"`
	Builder  string `json:"builder,omitempty"` // exact or a pattern
	// Signers are the names of those whose attestations of the type count; none
	// is every signer. Of a review it is never who alone signed the version.
	Signers []string `json:"signers,omitempty"`
}

// RuleOf says what ns asks for. nil is a policy that says nothing.
func RuleOf(ns *trust.Namespace) Rule {
	r := Rule{Signature: "required", Digest: ns.Digest(), Signers: []Signer{}, Attestations: []Requirement{}}
	if ns == nil {
		return r
	}
	r.Namespace, r.Threshold, r.LedgerKeys = ns.Name, ns.Threshold, ns.LedgerKeys
	if ns.Optional {
		r.Signature = "optional"
	}
	for _, s := range ns.Signers {
		r.Signers = append(r.Signers, SignerOf(s))
	}
	for _, a := range ns.Attestations {
		r.Attestations = append(r.Attestations, Requirement{Type: a.Type, Required: a.Required, Builder: a.Builder + a.BuilderPattern, Signers: a.Signers})
	}
	return r
}
