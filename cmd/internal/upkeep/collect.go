package upkeep

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/registry/gc"
)

// A Collector runs the garbage collection, on a schedule and when asked.
type Collector struct {
	stored    Stored
	cfg       config.GC
	acts      audit.Log
	clock     clock.Clock
	log       *slog.Logger
	runs      *prometheus.CounterVec
	removed   *prometheus.CounterVec
	freed     prometheus.Counter
	memory    gc.Memory // of earlier runs
	collected func()
}

// NewCollector makes a Collector, and counts what it removes. collected, if not
// nil, is told after something may have been removed.
func NewCollector(of Stored, cfg config.GC, acts audit.Log, collected func(), at clock.Clock, log *slog.Logger, metrics prometheus.Registerer) *Collector {
	c := &Collector{stored: of, cfg: cfg, acts: acts, collected: collected, clock: at, log: log,
		runs:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oarlock_gc_runs_total", Help: "Garbage collections, by how they ended."}, []string{"ended"}),
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oarlock_gc_removed_total", Help: "What garbage collections removed, by kind."}, []string{"kind"}),
		freed:   prometheus.NewCounter(prometheus.CounterOpts{Name: "oarlock_gc_freed_bytes_total", Help: "Bytes that garbage collections gave back."}),
	}
	metrics.MustRegister(c.runs, c.removed, c.freed)
	return c
}

// collect runs once. item is told each decision.
func (c *Collector) collect(ctx context.Context, dryRun bool, item func(gc.Item)) (gc.Report, error) {
	rep, err := gc.New(c.stored.Storage, c.stored.Blocks, c.stored.Server, gc.Options{Grace: c.cfg.Grace, Now: c.clock.Now, Log: c.log, Item: item, Memory: &c.memory}).Run(ctx, dryRun)
	if !dryRun && c.collected != nil {
		c.collected()
	}
	switch {
	case dryRun:
	case err != nil:
		c.runs.WithLabelValues("failed").Inc()
	default:
		c.runs.WithLabelValues("done").Inc()
		c.removed.WithLabelValues("manifest").Add(float64(rep.ManifestsRemoved))
		c.removed.WithLabelValues("blob").Add(float64(rep.BlobsRemoved))
		c.freed.Add(float64(rep.BytesFreed))
	}
	return rep, err
}

// Tasks are the collection on its schedule; none where that is off.
func (c *Collector) Tasks() []periodic.Task {
	if c.cfg.Every <= 0 {
		return nil
	}
	return []periodic.Task{{Name: "garbage_collection", Every: c.cfg.Every, Jitter: c.cfg.Every / 20, Run: func(ctx context.Context) error {
		rep, err := c.collect(ctx, false, nil)
		if err != nil {
			return err
		}
		c.log.InfoContext(ctx, "gc", "repositories", rep.Repositories, "manifests_removed", rep.ManifestsRemoved,
			"blobs_removed", rep.BlobsRemoved, "bytes_freed", rep.BytesFreed, "damaged", len(rep.Damaged))
		return nil
	}}}
}

// Collect implements api.Engine. A dry run changes nothing and is not written
// down.
func (c *Collector) Collect(ctx context.Context, dryRun bool, item func(index.Garbage)) (out index.Collection, err error) {
	collect := func(ctx context.Context) (_ any, err error) {
		rep, err := c.collect(ctx, dryRun, func(i gc.Item) {
			item(index.Garbage{Repository: i.Repository, Digest: i.Digest.String(), Kind: string(i.Kind), Size: i.Size, Decision: string(i.Decision), Reason: i.Reason})
		})
		out = collectionOf(rep, dryRun)
		return out, err
	}
	if dryRun {
		_, err = collect(ctx)
		return out, err
	}
	err = c.acts.Do(ctx, audit.Act{Action: auth.RegistryGC, On: auth.Site(), Planned: map[string]bool{"begun": true}}, collect)
	return out, err
}

func collectionOf(rep gc.Report, dryRun bool) index.Collection {
	out := index.Collection{DryRun: dryRun, Repositories: rep.Repositories,
		ManifestsKept: rep.ManifestsKept, ManifestsSetAside: rep.ManifestsSetAside, ManifestsRemoved: rep.ManifestsRemoved,
		BlobsKept: rep.BlobsKept, BlobsSetAside: rep.BlobsMarked, BlobsRemoved: rep.BlobsRemoved,
		BytesFreed: rep.BytesFreed, Damaged: []index.Damage{}}
	for _, d := range rep.Damaged {
		out.Damaged = append(out.Damaged, Damage(d))
	}
	return out
}
