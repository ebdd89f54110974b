package lostkeys

import (
	"context"
	"errors"
	"log/slog"
)

// lostError is in the errors that say that a key was lost.
type lostError struct{ error }

// Anew is for one start: it lets keys be made anew although they were lost, and
// knows whether some were. It is used by one goroutine at a time.
type Anew struct {
	replace bool
	made    bool
	log     *slog.Logger
}

// NewAnew lets lost keys be replaced where the operator said so, which it writes
// into the log, and otherwise none.
func NewAnew(replace bool, log *slog.Logger) *Anew { return &Anew{replace: replace, log: log} }

// Unless is nil where err is, or where it says that keys were lost which the
// operator has made anew; else it is err.
func (a *Anew) Unless(ctx context.Context, err error) error {
	var lost lostError
	if !a.replace || !errors.As(err, &lost) {
		return err
	}
	a.made = true
	a.log.WarnContext(ctx, "keys are made anew", "alert", true, "lost", err)
	return nil
}

// Made reports whether keys that were lost are made anew.
func (a *Anew) Made() bool { return a.made }
