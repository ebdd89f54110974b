package artifact

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of error. Every error that leaves a room wraps at most one of
// them, or ErrStorage; an error that wraps none means "could not tell", and not knowing denies.
var (
	// ErrInvalid: what came does not follow the rules; sending it again does not help.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound: what was asked for is not here.
	ErrNotFound = errors.New("not found")
	// ErrConflict: it clashes with what is already here, such as an immutable tag.
	ErrConflict = errors.New("conflict")
	// ErrDenied: it is understood and refused.
	ErrDenied = errors.New("denied")
	// ErrUnverified: a signature, digest or statement does not hold.
	ErrUnverified = errors.New("unverified")
)

// A Problem is one thing wrong with what came: where, what, and how to fix it.
type Problem struct {
	// Place is where: a JSON pointer, an annotation key, or file:line:column.
	Place string `json:"place"`
	// Detail says what came and what was expected.
	Detail string `json:"detail"`
	// Fix says what to do; empty only when Detail already says so.
	Fix string `json:"fix,omitempty"`
	// Warning is true for what is allowed but probably not meant.
	Warning bool `json:"warning,omitempty"`
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Place)
	b.WriteString(": ")
	b.WriteString(p.Detail)
	if p.Fix != "" {
		b.WriteString(" (")
		b.WriteString(p.Fix)
		b.WriteString(")")
	}
	return b.String()
}

// A ProblemsError holds every problem found at once. It wraps ErrInvalid.
type ProblemsError struct{ Problems []Problem }

// What one error says at most, however much is wrong: it goes into answers and
// logs, and who sends bad input chooses how much of it.
const (
	maxSpokenProblems = 64
	maxSpokenProblem  = 2000 // bytes
)

// Error names the first problems, at most 64 of at most 2000 bytes each, and
// how many more there are.
func (e *ProblemsError) Error() string {
	spoken := e.Problems[:min(len(e.Problems), maxSpokenProblems)]
	lines := make([]string, len(spoken))
	for i, p := range spoken {
		lines[i] = p.String()
		if len(lines[i]) > maxSpokenProblem {
			lines[i] = strings.ToValidUTF8(lines[i][:maxSpokenProblem], "") + "…"
		}
	}
	if more := len(e.Problems) - len(spoken); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "; ")
}

// Unwrap makes errors.Is(err, ErrInvalid) hold.
func (e *ProblemsError) Unwrap() error { return ErrInvalid }

// asError returns nil when no problem is more than a warning.
func asError(problems []Problem) error {
	for _, p := range problems {
		if !p.Warning {
			return &ProblemsError{Problems: problems}
		}
	}
	return nil
}
