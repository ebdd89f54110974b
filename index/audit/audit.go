package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
)

// Rows writes down. *auth.AuditLog does.
type Rows interface {
	// Note writes one row about an act: what was before it and after it.
	Note(ctx context.Context, by auth.Principal, action auth.Action, r auth.Resource, before, after any) error
	// NoteFailure writes one row about an act that ended early: what it had done
	// until then, and why.
	NoteFailure(ctx context.Context, by auth.Principal, action auth.Action, r auth.Resource, done any, cause error) error
}

// A Log does acts and writes them down.
type Log struct {
	// May says whether the caller of ctx may do an action; a Log without it
	// lets nobody.
	May  func(ctx context.Context, action auth.Action, r auth.Resource) error
	Rows Rows
}

// An Act is what somebody is about to do.
type Act struct {
	Action auth.Action
	On     auth.Resource
	// Needs is the right that it takes where that is another than Action on On.
	Needs *Right
	// Before is what is now, and Planned what is meant to be: they are in the
	// row that is written before the act.
	Before, Planned any
}

// A Right is an action on something.
type Right struct {
	Action auth.Action
	On     auth.Resource
}

// Do lets the caller of ctx do act, or refuses: who may not, in the words of
// May, and what cannot be written down. What do gives back is written down
// after it, with the cause where it ended with an error; nil, without one, adds
// nothing to what was planned. The error is that of do, and joins that of the
// second row.
func (l Log) Do(ctx context.Context, act Act, do func(ctx context.Context) (after any, err error)) error {
	begun, err := l.Begin(ctx, act)
	if err != nil {
		return err
	}
	panicked := true
	defer func() {
		if panicked {
			_ = begun.End(ctx, nil, errors.New("it panicked"))
		}
	}()
	after, err := do(ctx)
	panicked = false
	return begun.End(ctx, after, err)
}

// Begun is an act that was written down and is being done.
type Begun struct {
	log Log
	act Act
	by  auth.Principal
}

// Begin is the first half of Do, for acts that somebody else does. Its caller
// calls End once.
func (l Log) Begin(ctx context.Context, act Act) (*Begun, error) {
	needs := Right{act.Action, act.On}
	if act.Needs != nil {
		needs = *act.Needs
	}
	if l.May == nil || l.Rows == nil {
		return nil, fmt.Errorf("%s on %s: nobody says who may: %w", act.Action, act.On, artifact.ErrDenied)
	}
	if err := l.May(ctx, needs.Action, needs.On); err != nil {
		return nil, err
	}
	by := auth.From(ctx)
	if err := l.Rows.Note(ctx, by, act.Action, act.On, act.Before, act.Planned); err != nil {
		return nil, fmt.Errorf("%s on %s: not begun, because it could not be written down: %w", act.Action, act.On, err)
	}
	return &Begun{l, act, by}, nil
}

// End writes down how the act ended, even where its caller left, and gives
// cause back.
func (b *Begun) End(ctx context.Context, after any, cause error) error {
	ctx = context.WithoutCancel(ctx)
	switch {
	case cause != nil:
		return errors.Join(cause, b.log.Rows.NoteFailure(ctx, b.by, b.act.Action, b.act.On, after, cause))
	case after == nil:
		return nil
	}
	return b.log.Rows.Note(ctx, b.by, b.act.Action, b.act.On, b.act.Before, after)
}
