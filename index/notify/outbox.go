package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/index/jobs"
)

// EventJobs are the jobs of the outbox: what happened and is not kept and
// addressed yet.
const EventJobs = "event"

// atOnce is how many events that came together are one job.
const atOnce = 100

// An Outbox takes what happened, in the transaction of the change.
type Outbox struct {
	queue jobs.Queue
	noted chan struct{}
}

// NewOutbox makes an Outbox over a queue.
func NewOutbox(queue jobs.Queue) *Outbox {
	return &Outbox{queue: queue, noted: make(chan struct{}, 1)}
}

// Note writes changes down in the transaction of ctx, which is that of what
// changed. Call Wake after its commit. Changes that are told to nobody cost
// nothing.
func (o *Outbox) Note(ctx context.Context, changes ...Change) error {
	changes = slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return !c.told() })
	var all []jobs.Job
	for part := range slices.Chunk(changes, atOnce) {
		raw, err := json.Marshal(part)
		if err != nil {
			return fmt.Errorf("event %s: %w", part[0].ID, err)
		}
		all = append(all, jobs.Job{Kind: EventJobs, Key: part[0].ID, Payload: raw, AskedAt: part[0].Noted})
	}
	if len(all) == 0 {
		return nil
	}
	return o.queue.Enqueue(ctx, all...)
}

// Wake has what was noted told now, and not when somebody looks next.
func (o *Outbox) Wake() {
	select {
	case o.noted <- struct{}{}:
	default:
	}
}
