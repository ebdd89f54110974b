package policy

import (
	"slices"

	"github.com/opencontainers/go-digest"
)

// SignatureStatus says what is known about who signed. The zero status is
// that it could not be told.
type SignatureStatus string

// What is known about who signed.
const (
	// Verified: enough signatures hold whose signers are trusted for the namespace.
	Verified SignatureStatus = "verified"
	// Unverified: there are signatures, not enough of them by a trusted signer.
	Unverified SignatureStatus = "unverified"
	// Unsigned: there is no signature.
	Unsigned SignatureStatus = "unsigned"
	// Invalid: what is there as a signature is malformed or for another digest.
	Invalid SignatureStatus = "invalid"
)

// The forms in which a signature is kept.
const (
	FormatCosignTag      = "cosign-tag"
	FormatCosignReferrer = "cosign-referrer"
	FormatBundle         = "sigstore-bundle"
)

// The codes of findings about signatures. They are stable.
const (
	CodeVerified         = "signature_verified"
	CodeUnsigned         = "unsigned"
	CodeUnverified       = "signature_unverified"
	CodeInvalid          = "signature_invalid"
	CodeNoTrust          = "no_trust_policy"
	CodeUnreadable       = "could_not_tell"
	CodeOptional         = "signature_optional"
	CodeMalformed        = "evidence_malformed"
	CodeOtherDigest      = "evidence_other_digest"
	CodeUnknownSigner    = "evidence_unknown_signer"
	CodeTooLarge         = "evidence_too_large"
	CodeTooMany          = "evidence_too_many"
	CodeEvidenceUnread   = "evidence_unreadable"
	CodeEvidenceVerified = "evidence_verified"
	CodeRevoked          = "evidence_revoked"
	CodeOutsideValidity  = "evidence_outside_validity"
	CodeTimeUnproven     = "evidence_time_unproven"
)

// A Signature is the judgement of all signatures of one digest. It depends on
// the bytes and the trust alone, not on when or where it is made.
type Signature struct {
	Status SignatureStatus `json:"status"`
	// Signer is the name of the first trusted signer; Signers are all of them, sorted.
	Signer  string   `json:"signer,omitempty"`
	Signers []string `json:"signers,omitempty"`
	// Format is where the signature by Signer is kept.
	Format string `json:"format,omitempty"`
	// Formats are all forms in which trusted signatures are kept, sorted.
	Formats []string `json:"formats,omitempty"`
	// Covered is the image index whose signature covers the digest, where the
	// digest is a child and has no trusted signature of its own.
	Covered digest.Digest `json:"covered,omitempty"`
	// Vote says whether the trust policy of the namespace lets the digest pass.
	Vote Finding `json:"vote"`
	// Evidence has a finding for every piece of evidence that was looked at.
	Evidence []Finding `json:"evidence,omitempty"`
	// Digests are the manifests that hold the evidence, sorted.
	Digests []digest.Digest `json:"digests,omitempty"`
}

// Verdict is the judge's one vote: a malformed signature beside a good one is
// told in Evidence and does not deny.
func (s Signature) Verdict() Verdict { return Verdict{[]Finding{s.Vote}} }

// Trace tells the judgement step by step.
func (s Signature) Trace() []Step {
	var steps []Step
	for _, f := range s.Evidence {
		text := f.Detail
		if f.Digest != "" {
			text = f.Digest.String() + ": " + text
		}
		steps = append(steps, Step{f.Outcome, text})
	}
	return append(steps, Step{s.Vote.Outcome, s.Vote.Detail})
}

// Settled reports whether every piece of evidence could be read, so that the
// judgement holds for as long as the evidence stays the same.
func (s Signature) Settled() bool {
	return s.Status != "" && !slices.ContainsFunc(s.Evidence, func(f Finding) bool { return f.Outcome == Unknown })
}
