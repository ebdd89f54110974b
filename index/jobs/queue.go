package jobs

import (
	"context"
	"time"
)

// An Ask is what somebody who is free asks a Queue for.
type Ask struct {
	Kind string
	// InOrder has the jobs of a key done one after the other, in the order in
	// which they were asked for: one that waits for another attempt holds up
	// the later ones of its key. Without it they pass.
	InOrder bool
	// Limit is the most attempts to hand out.
	Limit int
	// Now is the time, and Until the end of the leases.
	Now, Until time.Time
}

// A Queue keeps jobs. Its errors are those of the database.
type Queue interface {
	// Enqueue keeps jobs, in the transaction of ctx where it has one.
	Enqueue(ctx context.Context, jobs ...Job) error
	// Lease hands out jobs that are due, the oldest first and at most one of
	// each key, and none of a key of which one is leased already. Nobody else
	// gets them before Until.
	Lease(ctx context.Context, ask Ask) ([]Attempt, error)
	// Extend has the lease of an attempt end at another time; the error is
	// ErrLeaseLost where another has the job by now or had it since.
	Extend(ctx context.Context, a Attempt, until time.Time) error
	// Done forgets a job, in the transaction of ctx where it has one; the
	// error is ErrLeaseLost where another has it by now or had it since.
	Done(ctx context.Context, a Attempt) error
	// Retry gives the lease back and has the job due at a time, with the
	// reason. Errors are those of Done.
	Retry(ctx context.Context, a Attempt, at time.Time, reason string) error
}

// A Backlog is what of a queue is not done.
type Backlog struct {
	Jobs int64
	// Oldest is when the first of them was asked for; zero where there is none.
	Oldest time.Time
	// LastError is why the last attempt of that one failed, and "" where none did.
	LastError string
}
