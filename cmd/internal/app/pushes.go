package app

import (
	"context"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/cmd/internal/replicas"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/registry"
)

// pushes tells the ingester what the registry stored, and counts it. The
// registry is opened before there is an ingester; nothing is pushed before
// both are joined.
type pushes struct {
	ingest *ingest.Ingester
	events *prometheus.CounterVec
	others *replicas.Replicas
	// deleted, if any, is told in which namespace something was deleted.
	deleted func(namespace string)
}

func (p *pushes) join(ingest *ingest.Ingester, metrics prometheus.Registerer) {
	p.events = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "oarlock_registry_events_total", Help: "What the registry stored, by kind."}, []string{"kind"})
	metrics.MustRegister(p.events, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "oarlock_ingest_ready", Help: "1 once the catalog says what the whole registry holds."}, func() float64 {
		if ingest.Ready() {
			return 1
		}
		return 0
	}))
	p.ingest = ingest
}

// Notify implements registry.Sink. It waits for the database where there are other
// replicas, and for nothing else; its error says that these are told later.
func (p *pushes) Notify(ctx context.Context, events ...registry.Event) error {
	if p.ingest == nil {
		return nil
	}
	for _, e := range events {
		if p.deleted != nil && (e.Kind == registry.ManifestDeleted || e.Kind == registry.TagDeleted) {
			namespace, _, _ := strings.Cut(e.Repository, "/")
			p.deleted(namespace)
		}
		p.events.WithLabelValues(strings.ReplaceAll(string(e.Kind), " ", "_")).Inc()
		p.ingest.Notify(e.Repository, e.Tag, e.Descriptor.Digest, e.Subject)
	}
	return p.others.Tell(ctx, events)
}

// withheld has what is blocked or in quarantine now, or no longer is, looked at
// again. Before both are joined there is nothing to look at: the ingester reads
// all of it when it begins.
func (p *pushes) withheld(repository string) {
	switch {
	case p.ingest == nil:
	case repository == "":
		p.ingest.TouchAll()
	default:
		p.ingest.Touch(repository)
	}
}
