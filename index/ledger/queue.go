package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
)

// Topic is what statements wait under in the outbox.
const Topic = "ledger"

// Enqueue has a statement appended once the transaction of ctx is committed.
// It needs a ledger, a kind and an ID of its own.
func Enqueue(ctx context.Context, to Outbox, s index.NewStatement, body any) (err error) {
	if s.Body, err = Object(body); err != nil {
		return err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return to.Enqueue(ctx, Topic, raw, s.Since)
}

// QueueOptions of a Queue. Outbox, Lock, Append and Log must be given.
type QueueOptions struct {
	Outbox Outbox
	// Lock excludes whoever else drains, in this process and in others.
	Lock func(ctx context.Context) (unlock func(), err error)
	// Append appends one statement. An error that wraps ErrForeign drops it.
	Append func(ctx context.Context, s index.NewStatement) error
	// Empty is called, with the lock held, when the outbox is empty for the
	// first time: what it enqueues is appended too. Nil enqueues nothing.
	Empty func(ctx context.Context) error
	Log   *slog.Logger
}

// A Queue appends the statements that wait in the outbox.
type Queue struct {
	o       QueueOptions
	emptied bool // guarded by the lock
}

// NewQueue makes a Queue.
func NewQueue(o QueueOptions) *Queue { return &Queue{o: o} }

// Drain appends what waits in the outbox, in order. One process does it at a
// time: order matters more than who is first, and so nothing is leased. What
// cannot be appended holds up what follows in the same ledger, and nothing else.
func (q *Queue) Drain(ctx context.Context) error {
	unlock, err := q.o.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := q.drain(ctx); err != nil || q.emptied || q.o.Empty == nil {
		return err
	}
	if err := q.o.Empty(ctx); err != nil {
		return err
	}
	q.emptied = true
	return q.drain(ctx)
}

// Waiting is how many statements are not in their ledgers yet.
func (q *Queue) Waiting(ctx context.Context) (int64, error) { return q.o.Outbox.Waiting(ctx, Topic) }

// always is a time at which every message is due.
var always = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

const drainAtOnce = 256

func (q *Queue) drain(ctx context.Context) error {
	var failed []error
	stuck := map[format.Ref]bool{}
	seen := map[int64]bool{}
	for {
		messages, err := q.o.Outbox.Lease(ctx, Topic, always, 0, drainAtOnce)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		fresh := 0
		for _, m := range messages {
			if seen[m.ID] {
				continue
			}
			seen[m.ID] = true
			fresh++
			if err := q.deliver(ctx, m, stuck); err != nil {
				failed = append(failed, err)
			}
		}
		if fresh == 0 || ctx.Err() != nil {
			return errors.Join(append(failed, ctx.Err())...)
		}
	}
}

func (q *Queue) deliver(ctx context.Context, m Message, stuck map[format.Ref]bool) error {
	var s index.NewStatement
	if err := json.Unmarshal(m.Payload, &s); err != nil {
		return fmt.Errorf("message %d: %w", m.ID, err)
	}
	if stuck[s.Ledger] {
		return nil
	}
	err := q.o.Append(ctx, s)
	if errors.Is(err, ErrForeign) {
		q.o.Log.InfoContext(ctx, "ledgers: a change is known at this site only, since the ledger belongs to another platform", "ledger", s.Ledger.String(), "kind", string(s.Kind))
		err = nil
	}
	if err != nil {
		stuck[s.Ledger] = true
		return err
	}
	return q.o.Outbox.Done(ctx, m.ID)
}
