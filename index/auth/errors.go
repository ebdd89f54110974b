package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, artifact.ErrInvalid)...)
}

func denied(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, artifact.ErrDenied)...)
}

// A DeniedError refuses for the reason of a Decision, which has its code. It
// wraps artifact.ErrDenied.
type DeniedError struct{ Code, Reason string }

func (e *DeniedError) Error() string { return e.Reason + ": " + artifact.ErrDenied.Error() }

// Unwrap makes errors.Is(err, artifact.ErrDenied) hold.
func (e *DeniedError) Unwrap() error { return artifact.ErrDenied }

// A ChallengeError asks for credentials: 401 with WWW-Authenticate.
type ChallengeError struct {
	// Header is the value of WWW-Authenticate.
	Header string
	// Detail says what was missing or wrong, for the body of the answer.
	Detail string
}

func (e *ChallengeError) Error() string { return "authentication required: " + e.Detail }

// A TooManyError refuses for now: 429 with Retry-After. It wraps
// artifact.ErrDenied.
type TooManyError struct {
	// Limit names the limit that was met.
	Limit string
	// RetryAfter is how long to wait, at least a second.
	RetryAfter time.Duration
}

func (e *TooManyError) Error() string {
	return fmt.Sprintf("rate limit %q: too many requests: try again in %s", e.Limit, e.RetryAfter)
}

// Unwrap makes errors.Is(err, artifact.ErrDenied) hold.
func (e *TooManyError) Unwrap() error { return artifact.ErrDenied }

// An UntoldError says what could not be told: neither yes nor no. It denies, and is of the
// kind of no refusal: asked again later there may be an answer.
type UntoldError struct {
	What string // such as "which names are free"
	Err  error
}

// untold is an *UntoldError about err.
func untold(err error, what string, args ...any) error {
	return &UntoldError{What: fmt.Sprintf(what, args...), Err: err}
}

func (e *UntoldError) Error() string { return fmt.Sprintf("could not tell %s: %s", e.What, e.Err) }

// Unwrap gives the cause.
func (e *UntoldError) Unwrap() error { return e.Err }

// Away is what who asked is told: 503, to be asked again.
func (e *UntoldError) Away() string {
	var away interface{ Away() string }
	if errors.As(e.Err, &away) {
		return "could not tell " + e.What + ": " + away.Away()
	}
	return "could not tell " + e.What
}

// A TakenError refuses a name. It wraps artifact.ErrConflict.
type TakenError struct {
	Name string
	// Resembles is the name that is taken or reserved; Name itself, or one
	// that it could be mistaken for. It is "" where who asked may not know of it.
	Resembles string
}

func (e *TakenError) Error() string {
	if e.Name == e.Resembles {
		return fmt.Sprintf("namespace %q: it is taken or reserved", e.Name)
	}
	if e.Resembles == "" {
		return fmt.Sprintf("namespace %q: it looks like a name that is taken or reserved: choose one that cannot be mistaken for another", e.Name)
	}
	return fmt.Sprintf("namespace %q: it looks like %q, which is taken or reserved: choose a name that cannot be mistaken for it", e.Name, e.Resembles)
}

// Unwrap makes errors.Is(err, artifact.ErrConflict) hold.
func (e *TakenError) Unwrap() error { return artifact.ErrConflict }

// A ClaimsError refuses a claim by one who has claimed as many namespaces as
// one account may. It wraps artifact.ErrDenied.
type ClaimsError struct {
	Principal string
	Limit     int
}

func (e *ClaimsError) Error() string {
	return fmt.Sprintf("%s has claimed %d namespaces, which is the most that one account may here", e.Principal, e.Limit)
}

// Unwrap makes errors.Is(err, artifact.ErrDenied) hold.
func (e *ClaimsError) Unwrap() error { return artifact.ErrDenied }

// A HeldError refuses a name that no account owns and that is not free: the
// registry holds repositories or a ledger of it. It wraps artifact.ErrConflict.
type HeldError struct{ Name string }

func (e *HeldError) Error() string {
	return fmt.Sprintf("namespace %q: nobody here owns it, and the registry holds something of it: only an admin of the site gives it to somebody", e.Name)
}

// Unwrap makes errors.Is(err, artifact.ErrConflict) hold.
func (e *HeldError) Unwrap() error { return artifact.ErrConflict }
