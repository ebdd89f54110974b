package app

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/url"
	"path"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/derive"
	"github.com/oarlock/oarlock/cmd/internal/notices"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/quota"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
)

// reconcileEvery is how often the catalog is compared with the registry by
// itself, for what no event told.
const reconcileEvery = time.Hour

// staleAfter is for how long a replica serves a catalog of which it is not known
// what other replicas did since: it is not heard of, and the ledgers in storage
// could not be looked at. What may still be installed is not known then.
const staleAfter = 30 * time.Second

// joined is the index over one storage: what is derived, by what, and who
// derives it.
type joined struct {
	ingest *ingest.Ingester
	live   *catalog.Live
	basis  *derive.Basis
	publog *publog.Log
	outbox *notify.Outbox // of what the log adds
	times  *publog.Times
	// elsewhere are the logs of other sites that the trust policy names.
	elsewhere *publog.Elsewhere
	aged      *catalog.Ages
}

// follow reads the checkpoint, which serves once it is compared with the ledgers, and
// makes the ingester that follows the storage. The database knows when versions came here.
func follow(ctx context.Context, cfg config.Config, at clock.Clock, p *premises, o Options, metrics prometheus.Registerer) (*joined, error) {
	basis, err := derive.Open(cfg, at)
	if err != nil {
		return nil, err
	}
	checkpoint := filepath.Join(cfg.Data, "catalog.checkpoint")
	first, whole := ingest.Restore(checkpoint, basis, cfg.Footing().ListsDenied, o.Log)
	first, numbers, err := reserveNumbers(ctx, p.storage, at.Now(), first)
	if err != nil {
		return nil, err
	}
	live := catalog.NewLive(catalog.LiveOptions{First: first, Now: at.Now})
	asked := new(unlogged)
	outbox := notify.NewOutbox(p.database.store.Jobs())
	told, err := openPublog(ctx, cfg, at, p, asked, outbox, o, metrics)
	if err != nil {
		return nil, err
	}
	with := basis.Options(p.storage, p.blocks, o.Log)
	with.Live, with.Checkpoint, with.Restored, with.Numbers = live, checkpoint, whole, numbers
	if p.database.notifier != nil {
		with.StaleAfter = staleAfter
	}
	with.Published, with.Publog = p.database.store.FirstPublished, told
	in, err := ingest.New(with)
	if err != nil {
		return nil, config.Unusable(err)
	}
	asked.in.Store(in)
	j := &joined{ingest: in, live: live, basis: basis, publog: told, outbox: outbox, times: publog.NewTimes(told)}
	j.elsewhere = publog.NewElsewhere(publog.ElsewhereOptions{
		Log: told, Trusted: func() []string { return basis.Signed.Trust().Logs() }, Store: p.database.store,
		From: logStore{ledgerStore{ledgerReader: ledgerReader{storage: p.storage}}}, Clock: at, Logger: o.Log,
		Listed: func() iter.Seq2[string, digest.Digest] { return listedVersions(live.Current().Snapshot) },
		Changed: func(plugin string) {
			id, _ := artifact.ParseName(plugin) // of none, the times of all are asked for anew
			j.aged.Forget(id)
		}})
	j.aged = catalog.NewAges(publicSince{j.times, j.elsewhere},
		catalog.Exemption{Publishers: cfg.MinimumAge.Publishers, SecurityFixes: cfg.MinimumAge.SecurityFixes})
	return j, nil
}

// publicSince is since when versions are public: by this site's log, or by another one that
// the trust policy names, whichever says the earlier time. catalog.Publications.
type publicSince struct {
	*publog.Times
	others *publog.Elsewhere
}

// Published implements catalog.Publications.
func (p publicSince) Published(id artifact.Name, d digest.Digest) (time.Time, bool) {
	here, is := p.Times.Published(id, d)
	if there, proved := p.others.Published(id, d); proved && (!is || there.Before(here)) {
		return there, true
	}
	return here, is
}

// listedVersions are those that a catalog lists.
func listedVersions(s *catalog.Snapshot) iter.Seq2[string, digest.Digest] {
	return func(yield func(string, digest.Digest) bool) {
		s.Plugins(func(p *catalog.Plugin) bool {
			for i := range p.Versions {
				if v := &p.Versions[i]; v.Listed() && !yield(p.ID.String(), v.Digest) {
					return false
				}
			}
			return true
		})
	}
}

// ages are since when versions are public, by all that the publication log signs now.
func (j *joined) ages(ctx context.Context) (*catalog.Ages, error) {
	err := j.times.Read(ctx)
	if errors.Is(err, publog.ErrBehind) || errors.Is(err, publog.ErrBroken) {
		return nil, publog.Problem(err)
	}
	if err == nil {
		err = j.elsewhere.Read(ctx)
	}
	return j.aged, err
}

// generationsRecord keeps how far the numbers of generations went.
const generationsRecord = "catalog-generations"

// reserveNumbers has generations go on above every number that was in use, also
// where the checkpoint is lost, or is that of an earlier time.
func reserveNumbers(ctx context.Context, s *storage.Storage, at time.Time, first *catalog.Generation) (*catalog.Generation, *ingest.Numbers, error) {
	published, err := publishedGeneration(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	record := func(ctx context.Context, change func([]byte) ([]byte, error)) error {
		return s.SwapRecord(ctx, generationsRecord, change)
	}
	return ingest.Reserve(ctx, record, at, first, published)
}

// publishedGeneration is the number that the signed catalog in the registry
// says, 0 where there is none that can be read: it is one witness of several.
func publishedGeneration(ctx context.Context, s *storage.Storage) (int64, error) {
	raw, err := publishedManifest(ctx, s)
	if err != nil || raw == nil {
		return 0, err
	}
	return signed.GenerationOf(raw), nil
}

// publishedManifest is that of the signed catalog in the registry, nil where there
// is none or where it is damaged. An error means that it could not be told.
func publishedManifest(ctx context.Context, s *storage.Storage) ([]byte, error) {
	d, err := s.Resolve(ctx, signed.Repository, signed.Tag)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("signed catalog: %w", err)
	}
	_, raw, err := s.Manifest(ctx, signed.Repository, d)
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("signed catalog: %w", err)
	}
	return raw, nil
}

// ready says why the catalog does not serve: not yet, or not now.
func (j *joined) ready() error {
	return j.ingest.Current()
}

// tasks keep the catalog in order beside the ingester.
func (j *joined) tasks(log *slog.Logger) []periodic.Task {
	return []periodic.Task{
		{Name: "catalog_upkeep", Every: ingest.HousekeepEvery, Quiet: true, Run: func(ctx context.Context) error {
			err := j.ingest.Housekeep(ctx)
			if err != nil && ctx.Err() == nil {
				log.ErrorContext(ctx, "catalog: not kept in order, it is tried again", "alert", true, "err", err)
			}
			return err
		}},
		{Name: "catalog_reconcile", Every: reconcileEvery, Jitter: reconcileEvery / 20, Run: func(ctx context.Context) error {
			_, err := j.ingest.Reconcile(ctx)
			return err
		}},
	}
}

// reload reads the trust policy again and judges everything by it.
func (j *joined) reload(ctx context.Context) error {
	if err := j.basis.Reload(); err != nil {
		return err
	}
	_, err := j.ingest.Reverify(ctx) // also where the other logs cannot be read: what the policy denies ends now
	return errors.Join(err, j.elsewhere.Read(ctx))
}

// storedBy counts what a storage holds.
func storedBy(s *storage.Storage) quota.Storage {
	return func(ctx context.Context, namespace string) (quota.Held, error) {
		held, err := s.Usage(ctx, namespace)
		return quota.Held{Bytes: held.Bytes + held.Uploads, Versions: held.Versions}, err
	}
}

// unlogged is what a crash kept from the publication log. The ingester tells the
// log what is listed, and the log asks the ingester for the rest: that is a
// circle, and here is where it is closed. Before there is an ingester it cannot
// be told, and the log asks again.
type unlogged struct {
	in atomic.Pointer[ingest.Ingester]
}

var errNotFollowed = errors.New("the index does not follow the registry yet")

func (u *unlogged) events(ctx context.Context, add func(...publog.Event) error) error {
	if in := u.in.Load(); in != nil {
		return in.Events(ctx, add)
	}
	return errNotFollowed
}

func (u *unlogged) statements(ctx context.Context, ledger string, after int) ([]publog.Event, error) {
	if in := u.in.Load(); in != nil {
		return in.Statements(ctx, ledger, after)
	}
	return nil, errNotFollowed
}

// openPublog opens the publication log. The index tells it what is listed and
// what ledgers say. Where a site is adopted, a new one begins where the database
// has none.
func openPublog(ctx context.Context, cfg config.Config, now clock.Clock, p *premises, asked *unlogged, outbox *notify.Outbox, o Options,
	metrics prometheus.Registerer,
) (*publog.Log, error) {
	key, err := config.PlatformKey(cfg.Data)
	if err != nil {
		return nil, err
	}
	secret, err := key.Bytes()
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(publicURL(cfg, p.listener))
	if err != nil {
		return nil, err
	}
	witnesses, err := cfg.PublogWitnesses()
	if err != nil {
		return nil, err
	}
	l, err := publog.Open(ctx, publog.Options{
		Store: p.database.store, Secret: secret, Host: at.Host, Anew: o.AdoptRegistry, Clock: now, Log: o.Log,
		Added: notices.Added(outbox, now), Committed: outbox.Wake,
		Events: asked.events, Statements: asked.statements, Channel: p.storage.Resolve,
		Record: func(ctx context.Context, change func([]byte) ([]byte, error)) error {
			return p.storage.SwapRecord(ctx, path.Base(publog.Record), change)
		},
		Tail: func(ctx context.Context, change func([]byte) ([]byte, error)) error {
			return p.storage.SwapRecord(ctx, path.Base(publog.TailRecord), change)
		},
		Carried: logStore{ledgerStore{ledgerReader: ledgerReader{storage: p.storage}}}, Restore: p.database.store, Witnesses: witnesses,
		Kept: p.database.store, WitnessLock: exclusive(p.database.locker(), witnessLock),
	})
	if err != nil {
		return nil, err
	}
	metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_log_leaves", Help: "Leaves of the publication log that its checkpoint signs."},
			func() float64 { _, c := l.Checkpoint(); return float64(c.N) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_log_stuck",
			Help: "1 where the publication log is behind or broken, so that nothing is published."},
			func() float64 {
				if l.Stuck() != nil {
					return 1
				}
				return 0
			}))
	return l, nil
}
