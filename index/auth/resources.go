package auth

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// resources is what is known of namespaces, for decisions: in memory for
// CacheTTL, and for KnownFor while the store does not answer.
type resources struct {
	store  NamespaceReader
	now    func() time.Time
	logger *slog.Logger
	// publishingOff, configured, publicCatalog and loginToPull are those of
	// Options; loginToPull is set where LoginToRead is, too.
	publishingOff func() bool
	configured    func(Resource) (Resource, bool)
	publicCatalog bool
	loginToPull   bool

	namespaces *ttlCache[string, Resource]
	open       *ttlCache[string, *openness] // one, under ""
	known      *ttlCache[string, *openness] // the same, for KnownFor
	opening    sync.Mutex                   // held by who reads it
	silent     silence
}

func newResources(o Options) *resources {
	rs := &resources{
		store: o.Stores.Reader, now: o.Now, logger: o.Logger, publishingOff: o.PublishingOff, configured: o.Facts,
		publicCatalog: o.PublicCatalog, loginToPull: o.LoginToPull || o.LoginToRead,
		namespaces: newCache[string, Resource](o.Now), open: newCache[string, *openness](o.Now), known: newCache[string, *openness](o.Now),
	}
	rs.known.ttl = KnownFor
	return rs
}

// forget makes the next question ask the store.
func (rs *resources) forget() {
	rs.namespaces.drop()
	rs.open.drop()
}

// about adds to r what the store knows.
func (rs *resources) about(ctx context.Context, action Action, r Resource) (Resource, error) {
	if r.Class == OnSite || r.Class == OnTenant {
		return r, nil
	}
	if rs.configured != nil {
		if known, ok := rs.configured(r); ok {
			known.LoginToPull = rs.loginToPull
			return known, nil
		}
	}
	r.LoginToPull = rs.loginToPull
	ask := rs.namespaceFacts
	if action == RepositoryPull {
		ask = rs.namespaceForPull
	}
	known, err := ask(ctx, r.Namespace)
	if err != nil {
		return r, err
	}
	r.Claimed, r.Closed, r.Public, r.Publishing = known.Claimed, known.Closed, known.Public, known.Publishing
	if rs.publishingOff != nil && rs.publishingOff() {
		r.Publishing = No
	}
	return r, nil
}

// NamespaceFacts is a namespace with all that its record says of it.
func NamespaceFacts(n NamespaceRecord) Resource {
	return Resource{
		Class: OnNamespace, Namespace: n.Name, Claimed: Yes, Closed: FactOf(!n.ClosedAt.IsZero()),
		Public: FactOf(n.Public), Publishing: FactOf(!n.PublishingOff),
	}
}

func (rs *resources) namespaceFacts(ctx context.Context, name string) (Resource, error) {
	if name == artifact.ReservedPublisher {
		return Resource{Claimed: Yes, Closed: No, Public: FactOf(rs.publicCatalog), Publishing: Yes}, nil
	}
	if r, ok := rs.namespaces.get(name); ok {
		return r, nil
	}
	began, now := rs.namespaces.begin(), rs.now()
	r := Resource{Claimed: No, Closed: No, Public: No, Publishing: No}
	asking, cancel := context.WithTimeout(ctx, storeAnswer)
	defer cancel()
	n, err := rs.store.Namespace(asking, name)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
	case err != nil && ctx.Err() != nil: // who asked has left
		return Resource{}, err
	case err != nil:
		rs.unanswered(now, err)
		return Resource{}, err
	default:
		r = NamespaceFacts(n)
	}
	rs.answered()
	rs.namespaces.put(name, r, began, now, time.Time{})
	return r, nil
}
