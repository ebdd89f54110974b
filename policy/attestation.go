package policy

import (
	"iter"
	"slices"

	"github.com/opencontainers/go-digest"
)

// The kinds of statements that are understood.
const (
	KindSBOM            = "sbom"
	KindProvenance      = "provenance"
	KindTestResult      = "test-result"
	KindVulnerabilities = "vulnerabilities"
	KindReview          = "review"
)

// TypeReview is the predicate type of a review.
const TypeReview = "https://oarlock.dev/attestation/review/v1"

// The codes of findings about attestations, beside those about evidence. They
// are stable.
const (
	CodeAttestationVerified   = "attestation_verified"
	CodeAttestationMissing    = "attestation_missing"
	CodeAttestationUnverified = "attestation_unverified"
	CodeAttestationInvalid    = "attestation_invalid"
	CodeOtherBuilder          = "evidence_other_builder"
	CodeNotPassed             = "evidence_not_passed"
	// CodeNotYet is a review that claims a time that is not yet.
	CodeNotYet = "evidence_not_yet"
	// CodeOtherSigner is an attestation by a signer whom the policy does not take
	// for its type.
	CodeOtherSigner = "evidence_other_signer"
	// CodeSelfReview is a review by who alone signed what it reviews, or by the
	// publisher.
	CodeSelfReview = "evidence_self_review"
)

// A Statement is one in-toto statement as it was found, with what is known of
// who signed it. What it says is not judged yet.
type Statement struct {
	// Subject is the digest about which it was found, Manifest what holds it,
	// Digest the signed envelope or bundle itself, wherever it is kept.
	Subject, Manifest, Digest digest.Digest
	// Payload is the statement; nil where it could not be had.
	Payload []byte
	// Signer is the trusted signer whose signature over Payload holds, or "".
	Signer string
	Format string
	// Finding says what was found out about the envelope and its signature.
	Finding Finding
}

// A Piece is one place where a statement about Subject is, or what was wrong
// with looking there. Manifest is what holds it, Place where in there, such as
// "layer 3", and Digest the signed envelope or bundle itself.
type Piece struct {
	Subject, Manifest, Digest digest.Digest
	Format, Place             string
	// Key names everything that the answer of Read depends on, which is neither
	// Manifest nor Place; "" where nothing does.
	Key string
	// Read finds out what is there; false where it is nothing about statements.
	// A finding without a digest is about this place. What has the outcome
	// Unknown may be another one the next time.
	Read func() (Statement, bool)
}

// Here is a finding about what is at p.
func (p Piece) Here(f Finding) Finding {
	if f.Digest != "" {
		return f
	}
	f.Digest = p.Manifest
	if p.Place != "" {
		f.Detail = p.Place + ": " + f.Detail
	}
	return f
}

// Statements are all statements about a subject.
type Statements struct {
	// Key names everything that they are found in; "" where that cannot be told.
	Key string
	// Each gives where they are, in the same order for the same evidence.
	Each iter.Seq[Piece]
}

// An Attestation is a judged statement about a version.
type Attestation struct {
	PredicateType string `json:"predicate_type"`
	// Kind is one of the kinds above, or "" for a predicate that is not understood.
	Kind string `json:"kind,omitempty"`
	// Digest is the signed envelope or bundle, Manifest the first that holds it.
	Digest   digest.Digest `json:"digest"`
	Manifest digest.Digest `json:"manifest"`
	// Verified: a trusted signer signed it, it is about the version, and what
	// it says follows its schema and the trust policy.
	Verified bool   `json:"verified"`
	Signer   string `json:"signer,omitempty"`
	Format   string `json:"format,omitempty"`
	// Builder is who built, where a provenance says so.
	Builder string  `json:"builder,omitempty"`
	Finding Finding `json:"finding"`
}

// Attestations is the judgement of all attestations of one digest. It depends
// on the bytes and the trust alone.
type Attestations struct {
	// All are sorted by predicate type and digest; each is there once.
	All []Attestation `json:"attestations"`
	// Votes has one finding for each attestation that the trust policy requires.
	Votes []Finding `json:"votes,omitempty"`
	// Evidence are the findings about what is no attestation, but lies where
	// attestations do.
	Evidence []Finding `json:"evidence,omitempty"`
}

// Verdict is the vote of every requirement. Where nothing is required it
// allows, whatever was found.
func (a Attestations) Verdict() Verdict {
	if len(a.Votes) == 0 {
		return Verdict{[]Finding{{Code: CodeOptional, Outcome: Allow, Judge: "attestation", Detail: "no attestation is required"}}}
	}
	return Verdict{a.Votes}
}

// Settled reports whether everything could be read, so that the judgement
// holds for as long as the evidence stays the same.
func (a Attestations) Settled() bool {
	unknown := func(f Finding) bool { return f.Outcome == Unknown }
	return !slices.ContainsFunc(a.Votes, unknown) && !slices.ContainsFunc(a.Evidence, unknown) &&
		!slices.ContainsFunc(a.All, func(one Attestation) bool { return unknown(one.Finding) })
}
