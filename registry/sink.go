package registry

import (
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

// An Event tells what the store holds now. It is sent after the store
// succeeded, never before; a push that changed nothing sends it again.
type Event struct {
	Kind       EventKind
	Repository string
	Tag        string             // of TagSet and TagDeleted
	Descriptor ocispec.Descriptor // of the manifest, with artifactType and annotations where it was read; not to be changed
	Subject    digest.Digest      // of a referrer, else ""
	Time       time.Time
}

// A Sink is told what was stored. Notify must not block: it is called while
// the tag is locked, so that events of one tag come in order.
type Sink interface {
	Notify(Event)
}

type discard struct{}

func (discard) Notify(Event) {}

// Dropped tells the Sink of a manifest that a collector dropped, and forgets what
// was known through it.
func (g *Registry) Dropped(e Event) {
	g.Forget(e.Repository)
	g.opts.Sink.Notify(e)
}
