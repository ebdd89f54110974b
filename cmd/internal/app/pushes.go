package app

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/replicas"
	reasons "github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/quota"
	"github.com/oarlock/oarlock/registry"
)

// pushes tells the ingester what the registry stored, and counts it.
type pushes struct {
	ingest *ingest.Ingester
	usage  *quota.Counter
	others *replicas.Replicas
	publog *publog.Log
	// elsewhere looks at what proves since when a version is public at other sites.
	elsewhere *publog.Elsewhere
	events    *prometheus.CounterVec
}

var _ registry.Sink = (*pushes)(nil)

func newPushes(index *joined, usage *quota.Counter, others *replicas.Replicas, metrics prometheus.Registerer) *pushes {
	in := index.ingest
	p := &pushes{ingest: in, publog: index.publog, elsewhere: index.elsewhere, usage: usage, others: others}
	p.events = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "oarlock_registry_events_total", Help: "What the registry stored, by kind."}, []string{"kind"})
	metrics.MustRegister(p.events, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "oarlock_ingest_ready", Help: "1 once the catalog says what the whole registry holds."}, func() float64 {
		if in.Current() == nil {
			return 1
		}
		return 0
	}))
	return p
}

// Notify implements registry.Sink. A proof of the publication log says nothing that
// the catalog does, so nothing is derived for it. It waits for the database where there are other
// replicas, and for nothing else; its error says that these are told later.
func (p *pushes) Notify(ctx context.Context, events ...registry.Event) error {
	for _, e := range events {
		if e.Kind == registry.ManifestDeleted || e.Kind == registry.TagDeleted {
			namespace, _, _ := strings.Cut(e.Repository, "/")
			p.usage.RecountSoon(namespace)
		}
		p.events.WithLabelValues(strings.ReplaceAll(string(e.Kind), " ", "_")).Inc()
		if isProof(e) {
			p.elsewhere.Note(e.Repository, e.Subject)
			continue
		}
		p.ingest.Notify(e.Repository, e.Tag, e.Descriptor.Digest, e.Subject)
		if moved, is := channelMoved(e); is {
			p.publog.Moved(moved)
		}
	}
	told := events
	if slices.ContainsFunc(events, isProof) {
		told = slices.DeleteFunc(slices.Clone(events), isProof)
	}
	if len(told) == 0 {
		return nil
	}
	return p.others.Tell(ctx, told)
}

// channelMoved is the event of a channel of a plugin that was set or removed, by
// a promotion or by a tag.
func channelMoved(e registry.Event) (publog.Event, bool) {
	said := map[registry.EventKind]string{registry.TagSet: publog.ChannelSet, registry.TagDeleted: publog.ChannelRemoved}[e.Kind]
	tag, err := artifact.ParseTag(e.Tag)
	if said == "" || err != nil || tag.Kind() != artifact.TagChannel {
		return publog.Event{}, false
	}
	id, err := artifact.ParseName(e.Repository)
	if err != nil || id.Reserved() {
		return publog.Event{}, false
	}
	return publog.Event{Kind: publog.Channel, Plugin: id.String(), Channel: e.Tag, Statement: said, Digest: e.Descriptor.Digest, At: e.Time}, true
}

// isProof reports whether an event is that a proof of the publication log was
// attached to a version.
func isProof(e registry.Event) bool {
	return e.Kind == registry.ManifestPushed && e.Descriptor.ArtifactType == publog.TypeProof
}

// notDeleted refuses, in the registry's words, what is pushed under the name of a
// plugin that was deleted.
func notDeleted(index *joined, repository string, l registry.Load) error {
	err := lifecycle.Names{Ready: index.ready, Ledger: index.ingest.Ledger}.Publishing(repository, l.Tag, l.Type)
	if deleted, ok := errors.AsType[*lifecycle.DeletedError](err); ok {
		return &registry.Denial{Code: reasons.ReasonDeleted, Head: http.StatusForbidden, Err: deleted}
	}
	return err
}

// undeleted admits every manifest but those of deleted plugins.
type undeleted struct {
	index *joined
	all   registry.ManifestAdmitter
}

// AdmitManifest implements registry.ManifestAdmitter.
func (u undeleted) AdmitManifest(ctx context.Context, x registry.Access, l registry.Load) (registry.Reservation, error) {
	if err := notDeleted(u.index, x.Repository, l); err != nil {
		return nil, err
	}
	return u.all.AdmitManifest(ctx, x, l)
}
