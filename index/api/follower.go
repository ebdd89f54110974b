package api

import (
	"context"
	"maps"
	"sync"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// A PluginEvent is one thing that happened, in its place among all of a site.
type PluginEvent struct {
	// Number rises from event to event, and is the same on every replica.
	Number int64
	// Plugin is what it is about; the zero Name where it is about none, and then
	// streams do not tell of it.
	Plugin artifact.Name
	Event  index.CloudEvent
	// Confidential says that only those may know of it whom MayDecide lets.
	Confidential bool
}

// PluginEvents are what happened on a site, whoever may know of it. Errors say
// that it could not be told.
type PluginEvents interface {
	// EventsAfter gives at most limit with a number above one, in their order.
	EventsAfter(ctx context.Context, number int64, limit int) ([]PluginEvent, error)
	// LastEvent is the number of the newest one, 0 where there is none.
	LastEvent(ctx context.Context) (int64, error)
	// MayDecide reports whether the caller of ctx may know of what is confidential of a plugin.
	MayDecide(ctx context.Context, plugin artifact.Name) (bool, error)
}

const (
	// followedEvents is how many of the newest events are in memory, so that a
	// thousand streams cost the database no more than one.
	followedEvents = 1024
	// eventsAtOnce is how many are read in one go.
	eventsAtOnce = 200
)

// A follower reads events once for all streams of a replica.
type follower struct {
	events PluginEvents // nil where there are none

	looking sync.Mutex // one looks at a time

	mu      sync.Mutex // guards what follows
	begun   bool
	kept    []PluginEvent // all that are known with a number above from, in order
	from    int64
	last    int64
	changed chan struct{} // closed when there are more
}

func newFollower(events PluginEvents) *follower {
	return &follower{events: events, changed: make(chan struct{})}
}

// FollowEvents looks for events that were not told yet. Whoever runs the server has
// it called again and again: it is how streams hear of what other replicas did.
func (s *Server) FollowEvents(ctx context.Context) error { return s.follower.look(ctx) }

func (f *follower) look(ctx context.Context) error {
	if f.events == nil {
		return nil
	}
	f.looking.Lock()
	defer f.looking.Unlock()
	if !f.begun {
		last, err := f.events.LastEvent(ctx)
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.begun, f.from, f.last = true, last, last
		f.mu.Unlock()
		return nil
	}
	for {
		page, err := f.events.EventsAfter(ctx, f.last, eventsAtOnce)
		if err != nil {
			return err
		}
		f.add(page)
		if len(page) < eventsAtOnce {
			return nil
		}
	}
}

func (f *follower) add(page []PluginEvent) {
	if len(page) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = append(f.kept, page...)
	if over := len(f.kept) - followedEvents; over > 0 {
		f.from = f.kept[over-1].Number
		f.kept = append([]PluginEvent(nil), f.kept[over:]...)
	}
	f.last = page[len(page)-1].Number
	close(f.changed)
	f.changed = make(chan struct{})
}

// start is the number after which a stream begins that had all up to one; below 0
// it had none, and begins with what comes next. One that this database never had
// is of another time, and begins so too.
func (f *follower) start(ctx context.Context, had int64) (int64, error) {
	if f.events == nil {
		return 0, nil
	}
	if err := f.look(ctx); err != nil { // another replica may have told more already
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if had < 0 || had > f.last {
		return f.last, nil
	}
	return had, nil
}

// after gives events after a number, in their order, and what is closed when there
// are more than these.
func (f *follower) after(ctx context.Context, number int64) ([]PluginEvent, <-chan struct{}, error) {
	f.mu.Lock()
	changed, from, kept, last := f.changed, f.from, f.kept, f.last
	f.mu.Unlock()
	switch {
	case f.events == nil || number >= last:
		return nil, changed, nil
	case number < from:
		page, err := f.events.EventsAfter(ctx, number, eventsAtOnce)
		return page, changed, err
	}
	for i := range kept {
		if kept[i].Number > number {
			return kept[i:], changed, nil
		}
	}
	return nil, changed, nil
}

// told is e for a reader, without the plugins that he may not know of; false is that
// e is about one of these, or about none.
func (e PluginEvent) told(by catalog.Visibility) (index.CloudEvent, bool) {
	if e.Plugin.IsZero() || !by.Shows(e.Plugin) {
		return index.CloudEvent{}, false
	}
	out := e.Event
	named, has := out.Data.Details["replacement"]
	if !has {
		return out, true
	}
	text, _ := named.(string)
	if id, err := artifact.ParseName(text); err != nil || !by.Shows(id) {
		out.Data.Details = maps.Clone(out.Data.Details)
		delete(out.Data.Details, "replacement")
	}
	return out, true
}
