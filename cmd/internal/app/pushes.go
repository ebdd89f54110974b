package app

import (
	"context"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/cmd/internal/replicas"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/quota"
	"github.com/oarlock/oarlock/registry"
)

// pushes tells the ingester what the registry stored, and counts it.
type pushes struct {
	ingest *ingest.Ingester
	usage  *quota.Counter
	others *replicas.Replicas
	events *prometheus.CounterVec
}

var _ registry.Sink = (*pushes)(nil)

func newPushes(in *ingest.Ingester, usage *quota.Counter, others *replicas.Replicas, metrics prometheus.Registerer) *pushes {
	p := &pushes{ingest: in, usage: usage, others: others, events: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "oarlock_registry_events_total", Help: "What the registry stored, by kind."}, []string{"kind"})}
	metrics.MustRegister(p.events, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "oarlock_ingest_ready", Help: "1 once the catalog says what the whole registry holds."}, func() float64 {
		if in.Current() == nil {
			return 1
		}
		return 0
	}))
	return p
}

// Notify implements registry.Sink. It waits for the database where there are other
// replicas, and for nothing else; its error says that these are told later.
func (p *pushes) Notify(ctx context.Context, events ...registry.Event) error {
	for _, e := range events {
		if e.Kind == registry.ManifestDeleted || e.Kind == registry.TagDeleted {
			namespace, _, _ := strings.Cut(e.Repository, "/")
			p.usage.RecountSoon(namespace)
		}
		p.events.WithLabelValues(strings.ReplaceAll(string(e.Kind), " ", "_")).Inc()
		p.ingest.Notify(e.Repository, e.Tag, e.Descriptor.Digest, e.Subject)
	}
	return p.others.Tell(ctx, events)
}
