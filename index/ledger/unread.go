package ledger

import "fmt"

// An UnreadError says what of a ledger could not be told: it was not read yet, cannot be
// read now, or is damaged. It denies, and is of no kind: whoever asked did nothing wrong.
type UnreadError struct {
	What string // such as "what the ledger of publisher acme says"
	// Why is for the log: it may name what is inside.
	Why error
}

func unread(err error, what string, args ...any) error {
	return &UnreadError{What: fmt.Sprintf(what, args...), Why: err}
}

func (e *UnreadError) Error() string { return fmt.Sprintf("could not tell %s: %s", e.What, e.Why) }

// Away is what who asked is told: 503, to be asked again.
func (e *UnreadError) Away() string { return "could not tell " + e.What }
