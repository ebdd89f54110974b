package upkeep

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/remote"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Scrubber runs the scrub, on a schedule and when asked.
type Scrubber struct {
	stored   Stored
	cfg      config.Scrub
	clock    clock.Clock
	log      *slog.Logger
	bytes    prometheus.Counter
	blobs    prometheus.Counter
	finished prometheus.Gauge
}

// NewScrubber makes a Scrubber, and counts what it reads and meets.
func NewScrubber(of Stored, cfg config.Scrub, at clock.Clock, log *slog.Logger, metrics prometheus.Registerer) *Scrubber {
	s := &Scrubber{stored: of, cfg: cfg, clock: at, log: log,
		bytes:    prometheus.NewCounter(prometheus.CounterOpts{Name: "oarlock_scrub_bytes_total", Help: "Stored bytes that were hashed again."}),
		blobs:    prometheus.NewCounter(prometheus.CounterOpts{Name: "oarlock_scrub_blobs_total", Help: "Stored blobs and manifests that were hashed again."}),
		finished: prometheus.NewGauge(prometheus.GaugeOpts{Name: "oarlock_scrub_finished_timestamp_seconds", Help: "When the last whole scrub ended; 0 for never."}),
	}
	metrics.MustRegister(s.bytes, s.blobs, s.finished,
		faultsOf(of, "oarlock_damage_seen_total", "Damaged stored bytes that a reader or a check met.", func(f storage.Faults) int64 { return f.Found }),
		faultsOf(of, "oarlock_damage_mended_total", "Damaged stored bytes that are good again.", func(f storage.Faults) int64 { return f.Mended }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_quarantined", Help: "Digests whose bytes are in quarantine or missing, as far as this process knows."},
			func() float64 { return float64(of.Storage.Faults().Now) }))
	return s
}

func faultsOf(s Stored, name, help string, of func(storage.Faults) int64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(of(s.Storage.Faults())) })
}

// scrub runs once, or goes on with what was ended, and counts what it reads.
func (s *Scrubber) scrub(ctx context.Context, o integrity.ScrubOptions) (integrity.ScrubState, error) {
	o.BytesPerSecond = s.cfg.BytesPerSecond
	tell, last := o.Progress, integrity.ScrubState{}
	if before, err := s.stored.Checks.ScrubState(ctx); err == nil && before.Running() {
		last = before
	}
	o.Progress = func(now integrity.ScrubState) {
		s.bytes.Add(float64(max(0, now.Bytes-last.Bytes)))
		s.blobs.Add(float64(max(0, now.Blobs-last.Blobs)))
		if last = now; tell != nil {
			tell(now)
		}
	}
	done, err := s.stored.Checks.Scrub(ctx, o)
	if err == nil {
		s.finished.Set(float64(done.FinishedAt.Unix()))
	}
	return done, err
}

// scrubLooks is how often is looked whether a scrub is due.
const scrubLooks = time.Minute

// Tasks are the scrub on its schedule; none where that is off. One that was
// ended by a restart, or by another replica's, goes on where it was.
func (s *Scrubber) Tasks() []periodic.Task {
	if s.cfg.Every <= 0 {
		return nil
	}
	return []periodic.Task{{Name: "scrub", Every: min(scrubLooks, s.cfg.Every), Run: s.scrubIfDue}}
}

func (s *Scrubber) scrubIfDue(ctx context.Context) error {
	state, err := s.stored.Checks.ScrubState(ctx)
	if err != nil {
		return err
	}
	if !state.FinishedAt.IsZero() {
		s.finished.Set(float64(state.FinishedAt.Unix()))
	}
	if !state.Running() && s.clock.Since(state.FinishedAt) < s.cfg.Every {
		return nil
	}
	if state, err = s.scrub(ctx, integrity.ScrubOptions{Every: s.cfg.Every}); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "scrub", "blobs", state.Blobs, "bytes", state.Bytes, "damaged", state.Damaged, "mended", state.Mended)
	return nil
}

// An origin is a registry to fetch damaged bytes from, with the logins that docker
// and oras write.
type origin struct {
	url, host string
	options   remote.Options
}

// Origins are those of a configuration, from which damaged bytes are fetched again.
func Origins(c *config.Config) ([]integrity.Origin, error) {
	from, err := c.Origins()
	if err != nil {
		return nil, err
	}
	all := make([]integrity.Origin, len(from))
	for i, o := range from {
		o.Reach.Pace = outbound.Pace{Window: 10 * time.Second}
		all[i] = origin{o.URL, o.Host, remote.Options{PlainHTTP: o.PlainHTTP, HTTPClient: remote.Client(o.Reach)}}
	}
	return all, nil
}

// Name implements integrity.Origin.
func (o origin) Name() string { return o.url }

// Fetch implements integrity.Origin.
func (o origin) Fetch(ctx context.Context, repository string, kind driver.LinkKind, d digest.Digest) (io.ReadCloser, error) {
	repo, _, err := remote.Open(o.host+"/"+repository+"@"+d.String(), o.options)
	if err != nil {
		return nil, err
	}
	from := repo.Blobs()
	if kind == driver.ManifestLink {
		from = repo.Manifests()
	}
	// One GET: a HEAD before it may be refused, and says nothing to rely on.
	_, body, err := from.FetchReference(ctx, d.String())
	return body, err
}
