package trust

import (
	"fmt"
	"time"

	"github.com/oarlock/oarlock/policy"
)

// A Validity says which of a signer's signatures count, by the time at which
// each was made. The zero Validity is all of them. The time is one that a
// signature proves, by a log or a timestamp authority of the trusted roots,
// and never that of a clock: the same bytes are judged alike for ever.
type Validity struct {
	// NotBefore and NotAfter bound the time; zero is no bound.
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	// Revoked is nil for a signer that is not revoked.
	Revoked *Revocation `json:"revoked,omitempty"`
}

// A Revocation says since when a signer may be somebody else.
type Revocation struct {
	// From is the first moment at which signatures count no more.
	From time.Time `json:"from"`
	// KeepBefore lets what was provably signed before From count.
	KeepBefore bool `json:"keep_before,omitempty"`
}

// Always reports whether every signature counts, whenever it was made.
func (v Validity) Always() bool {
	return v.NotBefore.IsZero() && v.NotAfter.IsZero() && v.Revoked == nil
}

// needsTime reports whether it may depend on when a signature was made.
func (v Validity) needsTime() bool {
	return !v.Always() && (v.Revoked == nil || v.Revoked.KeepBefore)
}

// Check says whether a signature that was made at a proven time counts; the
// zero time is one that nothing proves. code is "" where it counts, and
// otherwise one of policy.CodeRevoked, policy.CodeOutsideValidity and
// policy.CodeTimeUnproven; why is the end of a sentence.
func (v Validity) Check(signed time.Time) (code, why string) {
	switch r := v.Revoked; {
	case v.Always():
		return "", ""
	case r != nil && !r.KeepBefore:
		return policy.CodeRevoked, fmt.Sprintf("it is revoked from %s, and what it signed before counts no more", text(r.From))
	case signed.IsZero():
		return policy.CodeTimeUnproven, "neither a timestamp nor a log entry of the trusted roots proves when it was made, and it counts only if made " + v.bounds()
	case r != nil && !signed.Before(r.From):
		return policy.CodeRevoked, fmt.Sprintf("it was made at %s, and the signer is revoked from %s", text(signed), text(r.From))
	case signed.Before(v.NotBefore), !v.NotAfter.IsZero() && signed.After(v.NotAfter):
		return policy.CodeOutsideValidity, fmt.Sprintf("it was made at %s, and counts only if made %s", text(signed), v.bounds())
	}
	return "", ""
}

// bounds says when a signature must have been made.
func (v Validity) bounds() string {
	said := ""
	add := func(what string, at time.Time) {
		if at.IsZero() {
			return
		}
		if said != "" {
			said += " and "
		}
		said += what + " " + text(at)
	}
	add("not before", v.NotBefore)
	add("not after", v.NotAfter)
	if v.Revoked != nil {
		add("before", v.Revoked.From)
	}
	return said
}

func text(at time.Time) string { return at.UTC().Format(time.RFC3339) }

type validityText struct {
	NotBefore string       `yaml:"not_before"`
	NotAfter  string       `yaml:"not_after"`
	Revoked   *revokedText `yaml:"revoked"`
}

type revokedText struct {
	From   string `yaml:"from"`
	Before string `yaml:"before"`
}

func (r *reader) validity(place string, said validityText) Validity {
	v := Validity{NotBefore: r.time(place+".not_before", said.NotBefore), NotAfter: r.time(place+".not_after", said.NotAfter)}
	if !v.NotBefore.IsZero() && !v.NotAfter.IsZero() && !v.NotBefore.Before(v.NotAfter) {
		r.problem(place+".not_after", "%s, expected a time after not_before, %s", text(v.NotAfter), text(v.NotBefore))
	}
	if said.Revoked != nil {
		v.Revoked = r.revocation(place+".revoked", *said.Revoked)
	}
	if v.needsTime() && !r.rooted {
		r.problem(place, "no trusted_roots: is there to prove by when a signature was made, so that none would count")
	}
	return v
}

func (r *reader) revocation(place string, said revokedText) *Revocation {
	out := &Revocation{From: r.time(place+".from", said.From)}
	if said.From == "" {
		r.problem(place+".from", "missing: expected the time from which it counts no more, such as 2026-07-01T00:00:00Z")
	}
	switch said.Before {
	case "keep":
		out.KeepBefore = true
	case "deny":
	default:
		r.problem(place+".before", "%q, expected keep or deny: whether what was provably signed before still counts", said.Before)
	}
	return out
}

func (r *reader) time(place, said string) time.Time {
	if said == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, said)
	if err != nil || at.IsZero() {
		r.problem(place, "%q, expected a time such as 2026-07-01T00:00:00Z", said)
		return time.Time{}
	}
	return at.UTC()
}
