package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/index/jobs"
)

// UnreadJobs are the jobs of events that could not be kept or addressed: each waits
// by itself, so that what came with it is told, and once only.
const UnreadJobs = "event-unread"

// unreadFor is how long an event that cannot be read is tried again. Who looks for what
// is wrong has as long as deliveries are kept.
const unreadFor = 14 * 24 * time.Hour

// keepApart has one event tried again by itself.
func (e *Engine) keepApart(ctx context.Context, c Change, why error) error {
	raw, err := json.Marshal([]Change{c})
	if err != nil {
		return err
	}
	now := e.o.Clock.Now()
	if err := e.o.Queue.Enqueue(ctx, jobs.Job{Kind: UnreadJobs, Key: c.ID, Payload: raw, AskedAt: now, At: now.Add(time.Second)}); err != nil {
		return fmt.Errorf("%w; nor can it be tried by itself: %w", why, err)
	}
	e.o.Log.WarnContext(ctx, "notify: an event cannot be read, it is tried again by itself", "event", c.ID, "about", c.about(), "err", why)
	return nil
}

// about names what a change tells of, for who looks for it.
func (c Change) about() string {
	if c.Ledger != "" {
		return fmt.Sprintf("%s: statement %d of %s", c.Statement, c.Sequence, c.Ledger)
	}
	return c.Type.Short() + ": " + Event{Plugin: c.Plugin, Version: c.Version}.Subject()
}

// again tries one event that could not be read.
func (e *Engine) again(ctx context.Context, a jobs.Attempt) error {
	for _, c := range e.changesOf(ctx, a) {
		if err := e.addressOne(ctx, c); err != nil {
			return fmt.Errorf("event %s, %s: %w", c.ID, c.about(), err)
		}
	}
	return nil
}

// lost says that an event is told to nobody any more.
func (e *Engine) lost(ctx context.Context, a jobs.Attempt, why error) error {
	for _, c := range e.changesOf(ctx, a) {
		e.o.Log.ErrorContext(ctx, "notify: an event could not be told, and is not tried again", "alert", true, "event", c.ID, "about", c.about(), "err", why)
		e.untold.Inc()
	}
	return nil
}

// changesOf reads a job; one that cannot be read says nothing that could be told.
func (e *Engine) changesOf(ctx context.Context, a jobs.Attempt) []Change {
	var changes []Change
	if err := json.Unmarshal(a.Payload, &changes); err != nil {
		e.o.Log.ErrorContext(ctx, "notify: an event that cannot be read is not told", "alert", true, "job", a.ID, "err", err)
		e.untold.Inc()
	}
	return changes
}
