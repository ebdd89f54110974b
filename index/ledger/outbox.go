package ledger

import (
	"context"
	"time"
)

// A Message is a statement that waits until the change that it is about is
// committed.
type Message struct {
	ID        int64
	Topic     string
	Payload   []byte
	CreatedAt time.Time
	// Attempts counts the times that it was handed out, this one included.
	Attempts int64
	// LastError is why the attempt before failed.
	LastError string
}

// An Outbox keeps messages until they are dealt with. What is put into it in
// the transaction of a change becomes true with the change or not at all.
type Outbox interface {
	// Enqueue puts a message into the outbox, in the transaction of ctx.
	Enqueue(ctx context.Context, topic string, payload []byte, now time.Time) error
	// Lease hands out the messages of a topic that are due, the oldest first, and
	// hides each from others until now+lease: one who dies holds it up no longer.
	Lease(ctx context.Context, topic string, now time.Time, lease time.Duration, limit int64) ([]Message, error)
	// Done removes a message that was dealt with; one that is gone is no error.
	Done(ctx context.Context, id int64) error
	// Retry makes a message due again at a time, with the reason. One that is
	// gone wraps artifact.ErrNotFound.
	Retry(ctx context.Context, id int64, at time.Time, reason string) error
	// Waiting is how many messages of a topic are not done.
	Waiting(ctx context.Context, topic string) (int64, error)
}
