package policy

import (
	"fmt"

	"github.com/oarlock/oarlock/artifact"
)

// Outcome is what a judge found out. The zero Outcome is Unknown, so that
// whatever nobody judged is not allowed.
type Outcome uint8

// The three outcomes.
const (
	// Unknown: it could not be told; this denies.
	Unknown Outcome = iota
	// Deny: it is known not to hold.
	Deny
	// Allow: it is known to hold.
	Allow
)

var outcomeTexts = [...]string{Unknown: "could_not_tell", Deny: "deny", Allow: "allow"}

// Allowed reports whether o is Allow; both others deny.
func (o Outcome) Allowed() bool { return o == Allow }

// String is "allow", "deny" or "could_not_tell".
func (o Outcome) String() string {
	if int(o) < len(outcomeTexts) {
		return outcomeTexts[o]
	}
	return outcomeTexts[Unknown]
}

// MarshalText writes String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes. Errors wrap artifact.ErrInvalid.
func (o *Outcome) UnmarshalText(b []byte) error {
	for i, text := range outcomeTexts {
		if string(b) == text {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("outcome %q: expected allow, deny or could_not_tell: %w", b, artifact.ErrInvalid)
}

// Combine is the outcome of several votes: one Deny denies; one Unknown
// without a Deny could not tell; only all Allow allows; no vote could not tell.
func Combine(votes ...Outcome) Outcome {
	if len(votes) == 0 {
		return Unknown
	}
	all := Allow
	for _, o := range votes {
		switch o {
		case Deny:
			return Deny
		case Allow:
		default:
			all = Unknown
		}
	}
	return all
}
