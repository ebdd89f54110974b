package registry

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// An EventKind says what happened.
type EventKind string

// The kinds of event.
const (
	ManifestPushed  EventKind = "manifest pushed"
	ManifestDeleted EventKind = "manifest deleted"
	TagSet          EventKind = "tag set"
	TagDeleted      EventKind = "tag deleted"
)

// An Event tells what the store came to hold. It is sent after the store
// succeeded, never before; a push that changed nothing sends it again.
type Event struct {
	Kind       EventKind
	Repository string
	Tag        string             // of TagSet and TagDeleted
	Descriptor ocispec.Descriptor // of the manifest, with artifactType and annotations where it was read; not to be changed
	Subject    digest.Digest      // of a referrer, else ""
	Time       time.Time
}

// A Sink is told what was stored or deleted.
//
// Notify is called once for each act (a push, a delete, a channel, what a
// collector dropped from one repository), with all its events in their order:
// after they are durable and after the act gave back its locks, and before it is
// answered, so that what a client was told of is known to whoever the Sink tells.
// It may be called by several goroutines at once, and events of two acts on one
// tag may come in either order: an event says where to look, not what is there by
// now.
//
// Notify may wait, for at most NotifyWithin: then ctx ends, and it returns. ctx
// does not end with the client. An error means that somebody may not have been
// told. What is stored stays stored and the act is answered as done; the registry
// logs the error and does not call again, so a Sink that has to tell everybody
// remembers what it could not tell, and tells it later by itself.
type Sink interface {
	Notify(ctx context.Context, events ...Event) error
}

// NotifyWithin bounds what an act waits for the Sink.
const NotifyWithin = 2 * time.Second

type discard struct{}

func (discard) Notify(context.Context, ...Event) error { return nil }

// notify tells the Sink of one act, by its contract. No lock is held.
func (g *Registry) notify(ctx context.Context, events ...Event) {
	if len(events) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), NotifyWithin)
	defer cancel()
	if err := g.opts.Sink.Notify(ctx, events...); err != nil {
		g.log.ErrorContext(ctx, "registry: what was stored could not be told to everybody", "repository", events[0].Repository, "events", len(events), "err", err)
	}
}

// Dropped tells the Sink of manifests of one repository that a collector dropped.
// The caller holds no lock.
func (g *Registry) Dropped(ctx context.Context, events ...Event) {
	g.notify(ctx, events...)
}
