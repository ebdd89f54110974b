package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/derive"
	"github.com/oarlock/oarlock/cmd/internal/upkeep"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/quota"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// reconcileEvery is how often the catalog is compared with the registry by
// itself, for what no event told.
const reconcileEvery = time.Hour

// joined is the index over one registry: it is the api.Engine, and what the
// registry's Sink speaks to.
type joined struct {
	registry *registry.Registry
	ingest   *ingest.Ingester
	live     *catalog.Live
	basis    *derive.Basis
}

// join reads the checkpoint, so that the catalog serves at once, and makes the
// ingester that follows the registry. The store knows when versions came here,
// and the publication log is told of them.
func join(ctx context.Context, cfg config.Config, s *storage.Storage, b *block.Blocks, r *registry.Registry, published *store.Store, told *publog.Log, c clock.Clock, log *slog.Logger) (*joined, error) {
	basis, err := derive.Open(cfg)
	if err != nil {
		return nil, err
	}
	j := &joined{registry: r, basis: basis}
	checkpoint := filepath.Join(cfg.Data, "catalog.checkpoint")
	first, whole := ingest.Restore(checkpoint, basis, cfg.Dev, log)
	first, numbers, err := reserveNumbers(ctx, r, first)
	if err != nil {
		return nil, err
	}
	j.live = catalog.NewLive(catalog.LiveOptions{First: first, Now: c.Now})
	o := basis.Options(s, b, log)
	o.Live, o.Checkpoint, o.Restored, o.Numbers, o.ReconcileEvery = j.live, checkpoint, whole, numbers, reconcileEvery
	o.Published, o.Now = published.FirstPublished, c.Now
	o.Publog = told
	j.ingest = ingest.New(o)
	return j, nil
}

// generationsRecord keeps how far the numbers of generations went.
const generationsRecord = "catalog-generations"

// reserveNumbers has generations go on above every number that was in use, also
// where the checkpoint is lost, or is that of an earlier time.
func reserveNumbers(ctx context.Context, r *registry.Registry, first *catalog.Generation) (*catalog.Generation, *ingest.Numbers, error) {
	published, err := publishedGeneration(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	record := func(ctx context.Context, change func([]byte) ([]byte, error)) error {
		return r.SwapRecord(ctx, generationsRecord, change)
	}
	return ingest.Reserve(ctx, record, first, published)
}

// publishedGeneration is the number that the signed catalog in the registry
// says, 0 where there is none that can be read: it is one witness of several.
func publishedGeneration(ctx context.Context, r *registry.Registry) (int64, error) {
	d, err := r.Resolve(ctx, signed.Repository, signed.Tag)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("signed catalog: %w", err)
	}
	_, raw, err := r.Manifest(ctx, signed.Repository, d)
	if err != nil {
		return 0, ctx.Err()
	}
	return signed.GenerationOf(raw), nil
}

// ready says why the catalog does not serve yet.
func (j *joined) ready() error {
	if !j.ingest.Ready() {
		return errors.New("the catalog is being derived from the registry for the first time")
	}
	return nil
}

// Promote points a channel at a version.
func (j *joined) Promote(ctx context.Context, id artifact.Name, v artifact.Version, channel string) (index.Promotion, error) {
	to, err := j.registry.Resolve(ctx, id.String(), v.Tag())
	if err != nil {
		return index.Promotion{}, err
	}
	switch w, withheld, err := j.registry.Withheld(ctx, id.String(), to); {
	case err != nil:
		return index.Promotion{}, fmt.Errorf("whether %s@%s is withheld: %w", id, v, err)
	case withheld: // since the catalog was asked
		return index.Promotion{}, index.NewProblem(index.CodeVersionNotListed, fmt.Sprintf("%s@%s is %s: %s; the channel stays as it was", id, v, w.Kind, w.Reason), "promote another version")
	}
	done := index.Promotion{ID: id.String(), Channel: channel, Version: v.String(), Digest: to.String()}
	switch before, err := j.registry.Resolve(ctx, id.String(), channel); {
	case err == nil:
		done.Before = before.String()
	case !errors.Is(err, artifact.ErrNotFound):
		return done, err
	}
	if err := j.registry.SetChannel(ctx, id.String(), channel, to); err != nil {
		return done, err
	}
	return done, j.ingest.Settled(ctx)
}

// Rebuild derives the catalog anew.
func (j *joined) Rebuild(ctx context.Context, check bool) (index.Rebuilt, error) {
	c, err := j.ingest.Check(ctx)
	if err != nil {
		return index.Rebuilt{}, err
	}
	out := index.Rebuilt{Rebuilt: c.Rebuilt.String(), Agrees: len(c.Differ) == 0}
	for _, d := range c.Differ {
		out.Differences = append(out.Differences, fmt.Sprintf("%s: %s", d.ID, d.Detail))
	}
	if !check {
		if _, err := j.ingest.Reconcile(ctx); err != nil {
			return out, err
		}
	}
	out.Stamp = j.live.Current().Stamp()
	return out, nil
}

// Fsck reads everything stored, and names the ledgers that do not hold.
func (j *joined) Fsck(ctx context.Context, report func(index.Damage)) error {
	err := j.registry.Fsck(ctx, func(d driver.Damage) {
		report(upkeep.Damage(d))
	})
	for _, bad := range j.ingest.BadLedgers() {
		for _, f := range bad.Problems() {
			report(index.Damage{Kind: "ledger", Repository: bad.Ref.Repository(), Tag: bad.Ref.Tag(), Digest: f.Digest.String(), Path: bad.Ref.String(), What: f.Code + ": " + f.Detail})
		}
	}
	return err
}

// Config reads the plugin manifest of a version.
func (j *joined) Config(ctx context.Context, id artifact.Name, v *catalog.Version) (*artifact.Plugin, error) {
	raw, err := j.registry.Blob(ctx, id.String(), v.Config, artifact.MaxConfig)
	if err != nil {
		return nil, err
	}
	return artifact.ParsePlugin(raw)
}

// reload reads the trust policy again and judges everything by it.
func (j *joined) reload(ctx context.Context) error {
	if err := j.basis.Reload(); err != nil {
		return err
	}
	_, err := j.ingest.Reverify(ctx)
	return err
}

// storedBy counts what a registry holds.
func storedBy(r *registry.Registry) quota.Storage {
	return func(ctx context.Context, namespace string) (quota.Held, error) {
		held, err := r.Usage(ctx, namespace)
		return quota.Held{Bytes: held.Bytes + held.Uploads, Versions: held.Versions}, err
	}
}

var _ api.PublicationLog = (*publog.Log)(nil)

// publogRecord keeps the last checkpoint of the publication log that was shown.
const publogRecord = "publication-log"

// openPublog opens the publication log. The index tells it what is listed and
// what ledgers say, and is asked for what a crash kept from it, once both run. With adopt, a new one begins where the database has none.
func (s *Server) openPublog(ctx context.Context, adopt bool, metrics prometheus.Registerer) error {
	key, err := config.PlatformKey(s.cfg.Data)
	if err != nil {
		return err
	}
	secret, err := key.Bytes()
	if err != nil {
		return err
	}
	at, err := url.Parse(s.publicURL())
	if err != nil {
		return err
	}
	s.publog, err = publog.Open(ctx, publog.Options{
		Store: s.accounts.store, Secret: secret, Host: at.Host, Anew: adopt, Clock: s.clock, Log: s.log,
		Events: func(ctx context.Context, add func(...publog.Event) error) error {
			return s.index.ingest.Events(ctx, add)
		},
		Statements: func(ctx context.Context, ledger string) ([]publog.Event, error) {
			return s.index.ingest.Statements(ctx, ledger)
		},
		Record: func(ctx context.Context, change func([]byte) ([]byte, error)) error {
			return s.storage.SwapRecord(ctx, publogRecord, change)
		},
	})
	if err != nil {
		return err
	}
	s.accounts.logStuck = s.publog.Stuck
	metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_log_leaves", Help: "Leaves of the publication log that its checkpoint signs."},
			func() float64 { _, c := s.publog.Checkpoint(); return float64(c.N) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_log_stuck", Help: "1 where the publication log is behind or broken, so that nothing is published."},
			func() float64 {
				if s.publog.Stuck() != nil {
					return 1
				}
				return 0
			}))
	return nil
}
