package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/derive"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/publisher"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/storage"
)

// ledgerReader is what is stored, as ledgers are read in it.
type ledgerReader struct {
	storage *storage.Storage
	basis   *derive.Basis // whose ledgers are believed
}

// Resolve implements publisher.Registry.
func (r ledgerReader) Resolve(ctx context.Context, repo, reference string) (digest.Digest, error) {
	return r.storage.Resolve(ctx, repo, reference)
}

// Reader implements the store of index/ledger.
func (r ledgerReader) Reader(repo string) policy.Reader { return stored{r.storage, r.basis, repo} }

// ledgerStore is the registry as ledgers are kept in it: through its own gate,
// as the process.
type ledgerStore struct {
	ledgerReader
	registry *registry.Registry
	// writable refuses while a newer release has the database: what is beside it
	// may be a newer release's too.
	writable func() error
}

// PushBlob implements the store of index/ledger.
func (s ledgerStore) PushBlob(ctx context.Context, repo string, content []byte) error {
	if err := s.writable(); err != nil {
		return err
	}
	_, err := s.registry.PushBlob(registry.AsProcess(ctx), repo, content)
	return err
}

// PushManifest implements the store of index/ledger.
func (s ledgerStore) PushManifest(ctx context.Context, repo, reference, mediaType string, content []byte) error {
	if err := s.writable(); err != nil {
		return err
	}
	_, err := s.registry.Push(registry.AsProcess(ctx), repo, reference, mediaType, content)
	return err
}

// logStore is the registry as the publication log is carried in it: through its
// own gate, as the process.
type logStore struct{ ledgerStore }

var _ publog.Registry = logStore{}

// Manifest implements publog.Registry.
func (s logStore) Manifest(ctx context.Context, repo, reference string) (d ocispec.Descriptor, raw []byte, err error) {
	if d.Digest = digest.Digest(reference); d.Digest.Validate() != nil {
		if d.Digest, err = s.storage.Resolve(ctx, repo, reference); err != nil {
			return d, nil, err
		}
	}
	if d.MediaType, raw, err = s.storage.Manifest(ctx, repo, d.Digest); err != nil {
		return d, nil, err
	}
	d.Size = int64(len(raw))
	return d, raw, nil
}

// Blob implements publog.Registry.
func (s logStore) Blob(ctx context.Context, repo string, d digest.Digest, limit int64) ([]byte, error) {
	return s.storage.Blob(ctx, repo, d, limit)
}

// Referrers implements publog.Registry.
func (s logStore) Referrers(ctx context.Context, repo string, d digest.Digest) ([]ocispec.Descriptor, error) {
	return s.storage.Referrers(ctx, repo, d)
}

// publication is the publication log as the API has it: what changes it is written
// down. api.PublicationLog.
type publication struct {
	*publog.Log
	acts audit.Log
}

var _ api.PublicationLog = publication{}

// Recover implements api.PublicationLog.
func (p publication) Recover(ctx context.Context, r index.LogRecovery) (done index.LogRecovered, err error) {
	if r.Checkpoint == "" && p.Stuck() == nil {
		if err := p.acts.May(ctx, auth.SiteManage, auth.Site()); err != nil {
			return done, err
		}
		switch err := p.Intact(ctx); {
		case err == nil: // nothing is done, so nothing is written down
			_, at := p.Checkpoint()
			return index.LogRecovered{Size: at.N, Had: at.N, Intact: true}, nil
		case !errors.Is(err, publog.ErrBehind) && !errors.Is(err, publog.ErrBroken):
			return done, err
		}
	}
	err = p.acts.Do(ctx, audit.Act{Action: audit.LogRecover, On: auth.Site(),
		Needs: &audit.Right{Action: auth.SiteManage, On: auth.Site()}, Planned: map[string]any{"begun": true, "checkpoint": r.Checkpoint}},
		func(ctx context.Context) (any, error) {
			got, err := p.Log.Recover(ctx, r.Checkpoint)
			done = index.LogRecovered{Size: got.Size, Had: got.Had, Intact: got.Intact}
			return done, publog.RecoverProblem(err)
		})
	return done, err
}

// carryLock excludes the carriers of other replicas, and witnessLock their rounds of
// witnesses.
const (
	carryLock   = "publication-log/carry"
	witnessLock = "publication-log/witness"
)

// openCarrier makes what puts the publication log into the registry.
func openCarrier(at clock.Clock, p *premises, index *joined, bytes ledgerStore, log *slog.Logger, metrics prometheus.Registerer) *publog.Carrier {
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "oarlock_log_proof_seconds",
		Help:    "From when a version came until its proof was attached to it.",
		Buckets: []float64{.025, .05, .1, .15, .2, .3, .5, 1, 2.5, 5, 10, 60}})
	metrics.MustRegister(took)
	o := publog.CarrierOptions{Log: index.publog, To: logStore{bytes}, Clock: at, Logger: log,
		Lock:     func(context.Context) (func(), error) { return func() {}, nil }, // nobody else is here
		Attached: func(d time.Duration) { took.Observe(d.Seconds()) }}
	if l := p.database.locker(); l != nil {
		o.Lock = func(ctx context.Context) (func(), error) { return l.Lock(ctx, carryLock, false) }
	}
	return publog.NewCarrier(o)
}

// stored is one repository, for judges.
type stored struct {
	storage *storage.Storage
	basis   *derive.Basis // whose ledgers are believed
	repo    string
}

func (s stored) Tag(ctx context.Context, tag string) (digest.Digest, error) {
	d, err := s.storage.Resolve(ctx, s.repo, tag)
	if (tag == artifact.StateTag || s.repo == format.PublishersRepository) && errors.Is(err, artifact.ErrNotFound) {
		if ref, bad := format.RefOf(s.repo, tag); bad == nil {
			// A statement would begin another ledger beside the one that lost its tag.
			if lost := s.lost(ctx, ref); lost != nil {
				return "", lost
			}
		}
	}
	return d, err
}

// lost is Lost of a ledger of the repository.
func (s stored) lost(ctx context.Context, ref format.Ref) error {
	holds := func(ctx context.Context, list *format.List) int {
		return s.basis.Ledgers.Judge(ctx, ref, list, s, format.Head{}).State.Head.Sequence
	}
	if ref.OfPublisher() {
		return s.basis.Untagged.Lost(ctx, s.storage, ref, holds)
	}
	return statements.Lost(ctx, s.storage, ref, nil, holds)
}

func (s stored) Manifest(ctx context.Context, d digest.Digest) (string, []byte, error) {
	return s.storage.Manifest(ctx, s.repo, d)
}

func (s stored) Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error) {
	return s.storage.Blob(ctx, s.repo, d, limit)
}

func (s stored) Referrers(ctx context.Context, d digest.Digest) ([]ocispec.Descriptor, error) {
	return s.storage.Referrers(ctx, s.repo, d)
}

// told reports whether the publication log has the first statement of a ledger: nobody
// was told of one that it has not.
func (j *joined) told(ctx context.Context, ref format.Ref, kind string, first format.Head) (bool, error) {
	return j.publog.Tells(ctx, ref.String(), kind, first.Sequence, first.Digest)
}

// finishCut finishes what was appended first to a ledger when a crash cut it before its
// tag: until then that is a ledger that lost its tag.
func finishCut(index *joined, appender *statements.Appender, log *slog.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		var errs []error
		for _, bad := range index.ingest.BadLedgers() {
			if bad.List != "" {
				continue
			}
			done, err := appender.Finish(ctx, bad.Ref)
			if done {
				log.InfoContext(ctx, "ledgers: a first statement that was cut before its tag is finished", "ledger", bad.Ref.String())
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
}

// ledgerGate answers the registry's questions about ledgers too.
type ledgerGate struct {
	gate
	readers publisher.Readers
	index   *joined
	storage *storage.Storage
}

// guards are what the registry asks before it does anything. Where anyone is
// admin everybody may do everything, and what a ledger may say is judged all the
// same.
func guards(cfg config.Config, p *premises, a *accounts, index *joined, roles lifecycle.Roles, catalog *signed.Guard) registry.Guards {
	g := ledgerGate{gate{a, pullsOf(p.blocks, index, roles), catalog, index},
		publisher.Readers{Store: a.store, Catalog: index.ingest, Rights: a}, index, p.storage}
	if cfg.Footing().AnyoneIsAdmin {
		all := registry.AdmitAllUnsafe()
		all.Ledgers, all.Contents = g, g
		all.Manifests = undeleted{index, all.Manifests}
		return all
	}
	return registry.Guards{Admitter: g, Contents: g, Manifests: g, Uploads: g, Deletes: g, LedgerReaders: g, Ledgers: g}
}

// AdmitContent implements registry.ContentAdmitter: a ledger, and each statement of
// it, is by its digest for those for whom it is by its tag, and for those who bring
// ledgers here.
func (g ledgerGate) AdmitContent(ctx context.Context, x registry.Access, d digest.Digest) error {
	if x.Repository != format.PublishersRepository {
		return g.gate.AdmitContent(ctx, x, d)
	}
	if x.Tag != "" { // AdmitLedger was asked
		return nil
	}
	if brings, err := g.accounts.Can(ctx, auth.RepositoryPush, auth.InRepository(x.Repository)); err == nil && brings {
		return nil
	}
	whose, err := publisher.Whose(ctx, stored{g.storage, g.index.basis, x.Repository}, d, x.Blob)
	if err == nil && whose != "" {
		err = g.readers.MayRead(ctx, whose)
	}
	if errors.Is(err, artifact.ErrNotFound) {
		return &registry.Absence{Err: fmt.Errorf("%s has no %s", x.Repository, d)}
	}
	return err
}

// AdmitLedger implements registry.LedgerAdmitter.
func (g ledgerGate) AdmitLedger(ctx context.Context, _ registry.Access, name string) error {
	return g.readers.MayRead(ctx, name)
}

// VerifyLedger implements registry.LedgerVerifier.
func (g ledgerGate) VerifyLedger(ctx context.Context, ref format.Ref, list *format.List) error {
	got := g.index.basis.Ledgers.Judge(ctx, ref, list, stored{g.storage, g.index.basis, ref.Repository()}, g.index.ingest.Remembered(ref))
	if err := publisher.Refusal(got); err != nil {
		return err
	}
	return g.extendsLost(ctx, ref, list)
}

// extendsLost refuses, where a ledger lost its tag, a list that is not the
// longest one that its repository holds, or more: an older copy would undo what
// was said since.
func (g ledgerGate) extendsLost(ctx context.Context, ref format.Ref, list *format.List) error {
	if _, err := g.storage.Resolve(ctx, ref.Repository(), ref.Tag()); !errors.Is(err, artifact.ErrNotFound) {
		return ctx.Err()
	}
	err := stored{g.storage, g.index.basis, ref.Repository()}.lost(ctx, ref)
	lost, is := errors.AsType[*statements.LostError](err)
	if !is {
		return err
	}
	mediaType, raw, err := g.storage.Manifest(ctx, ref.Repository(), lost.Longest)
	if err != nil {
		return err
	}
	longest, err := format.ParseList(mediaType, raw)
	if err == nil {
		longest.Statements = longest.Statements[:lost.Statements] // what follows holds nothing
		err = list.Extends(longest)
	}
	if err != nil {
		return fmt.Errorf("%w; this list does not go on from it: %w", lost, err)
	}
	return nil
}
