package gc

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// DefaultGrace is the grace period where Options name none.
const DefaultGrace = 24 * time.Hour

// Options says how a Collector works. The zero value of every field works.
type Options struct {
	// Grace is how long what nothing reaches is kept after it was written, and
	// again after it was set aside; DefaultGrace if zero. It should be longer
	// than any push takes: a shorter one loses nothing that was acknowledged,
	// but makes slow pushes begin again.
	Grace time.Duration
	// Now is the clock; time.Now by default.
	Now func() time.Time
	// Log is told of what is removed and what is damaged; slog.Default if nil.
	Log *slog.Logger
	// Progress is called now and then during a run. Item is called in a dry run
	// for every manifest and blob of every repository and for bytes that no link
	// leads to, in a run for what it sets aside or removes. Nil is not called.
	Progress func(Progress)
	Item     func(Item)
	// Memory lets a run skip what did not change since an earlier one; nil
	// remembers nothing.
	Memory *Memory
}

// A Collector collects the garbage of one registry. It may be used by many
// goroutines at once; runs wait for each other.
type Collector struct {
	sweep  Sweep
	opts   Options
	totals counters
}

// New makes a Collector of s, which server serves but for what b says may not
// be read. It starts nothing.
func New(s *storage.Storage, b *block.Blocks, server Server, o Options) *Collector {
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Collector{sweep: NewSweep(s, b, server), opts: o}
}

// Run collects once. A dry run changes nothing, takes no lock and works on a
// registry that was opened read-only. The report holds what was done also when
// an error ended the run; damage is in the report and is no error. After an
// error or a kill the next run goes on. When ctx ends, the run ends before the
// next item.
func (c *Collector) Run(ctx context.Context, dryRun bool) (Report, error) {
	r := &run{Collector: c, dry: dryRun, id: rand.Text(), now: c.opts.Now()}
	r.report.DryRun, r.report.Started = dryRun, r.now
	err := r.collect(ctx)
	r.report.Finished = c.opts.Now()
	if !dryRun {
		c.totals.add(r.report, err)
		c.opts.Log.InfoContext(ctx, "gc: run ended", "repositories", r.report.Repositories, "manifests_removed", r.report.ManifestsRemoved,
			"blobs_removed", r.report.BlobsRemoved, "bytes_freed", r.report.BytesFreed, "damaged", len(r.report.Damaged), "err", err)
	}
	if err != nil {
		return r.report, fmt.Errorf("garbage collection: %w", err)
	}
	return r.report, nil
}

// run is one run.
type run struct {
	*Collector
	dry     bool
	id      string
	now     time.Time
	report  Report
	live    set              // what a link in force leads to
	linked  set              // that, and what a link that was set aside leads to
	partial bool             // not every link is known, so no bytes may go
	gone    []registry.Event // dropped under the lock that is held; the server is told after it
}

func (r *run) collect(ctx context.Context) error {
	if !r.dry {
		if err := r.sweep.Writable(); err != nil {
			return err
		}
		end, err := r.sweep.Begin(ctx)
		if err != nil {
			return err
		}
		defer end()
		if err := r.sweep.Recover(ctx); err != nil {
			return err
		}
	}
	err := r.sweep.Repositories(ctx, func(repo string) error {
		r.report.Repositories++
		if r.opts.Progress != nil {
			r.opts.Progress(Progress{Repository: repo, Repositories: r.report.Repositories})
		}
		return r.repository(ctx, repo)
	})
	if err != nil {
		return err
	}
	r.live.seal()
	r.linked.seal()
	return r.bytes(ctx)
}

func (r *run) damaged(ctx context.Context, d driver.Damage) {
	r.report.Damaged = append(r.report.Damaged, d)
	r.opts.Log.ErrorContext(ctx, "gc: damaged storage", "repository", d.Repository, "tag", d.Tag, "digest", d.Digest, "path", d.Path, "what", d.What)
}

func (r *run) item(repo string, d digest.Digest, kind Kind, size int64, what Decision, reason string) {
	if r.opts.Item != nil {
		r.opts.Item(Item{repo, d, kind, size, what, reason})
	}
}

// over reports whether the grace period since at has ended.
func (r *run) over(at time.Time) bool { return !r.now.Before(at.Add(r.opts.Grace)) }
