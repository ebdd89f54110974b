package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/lostkeys"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/storage"
)

// publishLock excludes the publishers of other replicas.
const publishLock = "catalog/publish"

// signing publishes the signed catalog: api.Signing. The nil signing never does.
type signing struct {
	keys      *signed.Keys
	publisher *signed.Publisher
	live      *catalog.Live
	times     *signedTimes
	acts      audit.Log
	log       *slog.Logger
}

var _ api.Signing = (*signing)(nil)

// openSigning opens the keys and makes the publisher; nil where nothing is to
// be published.
func openSigning(ctx context.Context, cfg config.Config, at clock.Clock, p *premises, a *accounts, index *joined, r *registry.Registry, guard *signed.Guard, anew *lostkeys.Anew, log *slog.Logger, metrics prometheus.Registerer) (*signing, error) {
	switch {
	case cfg.Catalog.Publish == "off":
		return nil, nil
	case cfg.Replicated() && cfg.Catalog.Keys == "":
		log.WarnContext(ctx, "no signed catalog is published: replicas sign with the same keys, so set catalog.keys to a directory that all of them have")
		return nil, nil
	}
	keys, begun, err := openCatalogKeys(ctx, cfg, at, p, anew)
	if err != nil {
		return nil, err
	}
	times := newSignedTimes(at, metrics)
	by := signed.NewPublisher(signed.PublisherOptions{To: catalogTarget{r, p.storage, a.store.Writable}, Keys: keys, Lock: exclusive(p.database.locker(), publishLock), Replace: replaceCatalog(r, a.store.Writable), Anew: begun,
		// What nobody in particular may know of: the artifact is for all.
		// It is asked of the database: what was known a moment ago may be public no more.
		Public: func(ctx context.Context, whole *catalog.Generation) (*catalog.Generation, error) {
			if err := a.Learn(ctx); err != nil {
				return nil, err
			}
			by, err := a.publicVisibility(ctx)
			if err != nil {
				return nil, err
			}
			times.of(whole.Number)
			return index.live.Visible(whole, by), nil
		},
		Guard: guard,
		Numbers: func(ctx context.Context, raise func([]byte) ([]byte, error)) error {
			return p.storage.SwapRecord(ctx, signed.NumbersRecord, raise)
		},
		LogCheckpoint: func() string { signed, _ := index.publog.Cosigned(); return signed },
		Lifetimes:     cfg.Catalog.Lifetimes(), Quiet: cfg.Catalog.Quiet, AtMost: cfg.Catalog.AtMost,
		Done: times.counted(countPublications(metrics)), Now: at.Now, Log: log})
	return &signing{keys: keys, publisher: by, live: index.live, times: times, acts: a.acts, log: log}, nil
}

// guardCatalog keeps back what of the signed catalog names what is private now.
func guardCatalog(p *premises, a *accounts) *signed.Guard {
	return signed.NewGuard(signed.GuardOptions{Files: stored{storage: p.storage, repo: signed.Repository}, Public: a.publicVisibility})
}

// anewWithin bounds what a change of what is public waits for the signed catalog.
const anewWithin = 10 * time.Second

// publicChanged publishes the signed catalog anew after what is public changed. What
// names too much is given to nobody meanwhile; that is what the warning says.
func (e *engines) publicChanged(ctx context.Context) (warnings []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), anewWithin)
	defer cancel()
	why := errors.New("this server does not publish it")
	if e.signing != nil {
		_, why = e.signing.publisher.Publish(ctx, e.signing.live.Current())
	}
	if why == nil {
		return nil
	}
	if e.signing != nil {
		e.signing.log.ErrorContext(ctx, "signed catalog: what is public changed, and it is not published anew yet, which is tried again", "alert", true, "err", why)
		e.signing.publisher.Poke()
	}
	if err := e.catalog.Newest(ctx); err == nil {
		return nil // it names nothing that is not for everybody
	}
	return []string{"the signed catalog, " + signed.Repository + ":" + signed.Tag + ", names what is private now " +
		"and is not published anew yet, so it is given to nobody until it is; the log of the server says why"}
}

// openCatalogKeys opens the keys, or makes them where none are and nothing is that
// earlier ones signed; begun says that they were made although something is.
func openCatalogKeys(ctx context.Context, cfg config.Config, at clock.Clock, p *premises, anew *lostkeys.Anew) (keys *signed.Keys, begun bool, err error) {
	dir, o := cfg.CatalogKeys(), signed.KeyOptions{RootLifetime: cfg.Catalog.Root, Now: at.Now}
	keys, err = signed.OpenKeys(dir, o)
	if errors.Is(err, fs.ErrNotExist) {
		lost := p.signers().MayRoot(ctx, dir)
		if err = anew.Unless(ctx, lost); err == nil {
			keys, err = signed.MakeKeys(dir, o)
			begun = lost != nil
		}
	}
	if err == nil {
		err = errors.Join(keys.Online(), rootsAreHere(ctx, p.storage, keys))
	}
	return keys, begun, err
}

// rootsAreHere refuses keys whose newest roots were lost: what is published counts
// on them, and the keys of an earlier root would sign what readers refuse.
func rootsAreHere(ctx context.Context, s *storage.Storage, keys *signed.Keys) error {
	raw, err := publishedManifest(ctx, s)
	if err != nil || raw == nil {
		return err
	}
	return keys.Has(raw)
}

func exclusive(l storage.Locker, key string) func(context.Context) (func(), error) {
	if l == nil {
		return nil
	}
	return func(ctx context.Context) (func(), error) { return l.Lock(ctx, key, false) }
}

// countPublications is told how each attempt ended.
func countPublications(metrics prometheus.Registerer) func(signed.Published, error) {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oarlock_signed_catalog_attempts_total", Help: "Attempts to publish the signed catalog, by how they ended."}, []string{"ended"})
	bytes := prometheus.NewCounter(prometheus.CounterOpts{Name: "oarlock_signed_catalog_bytes_total", Help: "Bytes that publications of the signed catalog wrote."})
	expires := prometheus.NewGauge(prometheus.GaugeOpts{Name: "oarlock_signed_catalog_expires_timestamp_seconds", Help: "When readers refuse the signed catalog unless it is signed anew."})
	serves := prometheus.NewGauge(prometheus.GaugeOpts{Name: "oarlock_signed_catalog_generation", Help: "Generation that the signed catalog says."})
	metrics.MustRegister(attempts, bytes, expires, serves)
	return func(p signed.Published, err error) {
		if err != nil {
			attempts.WithLabelValues("failed").Inc()
			return
		}
		attempts.WithLabelValues("done").Inc()
		bytes.Add(float64(p.Uploaded))
		expires.Set(float64(p.Expires.Unix()))
		serves.Set(float64(p.Generation))
	}
}

// signedTimes measure how long an emergency takes until the signed catalog has it.
type signedTimes struct {
	clock clock.Clock
	took  prometheus.Histogram

	mu    sync.Mutex
	waits map[time.Time]int64 // when it was decided → the generation that has it
	now   int64               // the generation that is being published
}

func newSignedTimes(at clock.Clock, metrics prometheus.Registerer) *signedTimes {
	s := &signedTimes{clock: at, waits: map[time.Time]int64{}, took: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "oarlock_emergency_signed_seconds", Buckets: emergencyBuckets,
		Help: "Time from the decision of a step of an emergency to when this server published the signed catalog that has it."})}
	metrics.MustRegister(s.took)
	return s
}

// begin says that a generation has what was decided then.
func (s *signedTimes) begin(decided time.Time, generation int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits[decided] = generation
}

// of says which generation is being published.
func (s *signedTimes) of(generation int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = generation
}

// counted is done, which is told how a publication ended, and measures besides.
func (s *signedTimes) counted(done func(signed.Published, error)) func(signed.Published, error) {
	return func(p signed.Published, err error) {
		done(p, err)
		s.mu.Lock()
		defer s.mu.Unlock()
		for decided, generation := range s.waits {
			if err == nil && generation <= s.now {
				s.took.Observe(max(0, s.clock.Since(decided)).Seconds())
				delete(s.waits, decided)
			}
		}
	}
}

// stopped publishes soon what was decided then of an emergency, and measures how long
// that takes.
func stopped(g *signing) func(decided time.Time) {
	return func(decided time.Time) {
		if g != nil {
			g.times.begin(decided, g.live.Current().Number)
			g.poke()
		}
	}
}

// run publishes until ctx ends, from when the catalog is ready on.
func (g *signing) run(ctx context.Context, ready <-chan struct{}) error {
	if g != nil {
		g.publisher.Run(ctx, g.live, ready)
	}
	return nil
}

// poke publishes soon, without waiting for quiet.
func (g *signing) poke() {
	if g != nil {
		g.publisher.Poke()
	}
}

// asAPI is g, or no api.Signing at all.
func (g *signing) asAPI() api.Signing {
	if g == nil {
		return nil
	}
	return g
}

// Signed implements api.Signing.
func (g *signing) Signed(d digest.Digest) (made, expires time.Time, ok bool) {
	p, ok := g.publisher.Published()
	if !ok || d != p.CatalogDigest && d != p.Of {
		return made, expires, false
	}
	return p.GeneratedAt, p.Expires, true
}

// RotateRoot implements api.Signing.
func (g *signing) RotateRoot(ctx context.Context, r index.RootRotation) (index.Root, error) {
	before := digest.FromBytes(g.keys.Root())
	was := map[string]string{"catalog_root": before.String()}
	var root index.Root
	err := g.acts.Do(ctx, audit.Act{Action: audit.CatalogRotateRoot, On: auth.Site(), Needs: &audit.Right{Action: auth.SiteManage, On: auth.Site()}, Before: was, Planned: map[string]any{"begun": true, "rotation": r}},
		func(context.Context) (any, error) {
			version, err := g.keys.Rotate(signed.Rotation{KeepRootKey: r.KeepRootKey, OnlineKeys: r.OnlineKeys})
			if err != nil {
				return nil, err
			}
			root = index.Root{Version: version, Digest: digest.FromBytes(g.keys.Root()).String(), ExpiresAt: g.keys.RootExpires()}
			return root, nil
		})
	switch {
	case errors.Is(err, signed.ErrRootOffline):
		return index.Root{}, index.NewProblem(index.CodeDenied, "the key of the catalog's root is not on this server",
			"where the key is, with a copy of the server's keys: oarlock catalog root rotate --keys DIR --root-key FILE; then bring the new N.root.json here")
	case errors.Is(err, fs.ErrExist):
		return index.Root{}, index.NewProblem(index.CodeConflict, "somebody else rotated the root meanwhile", "look at it first: oarlock catalog root show")
	case err != nil:
		return root, err
	}
	if _, err := g.publisher.Publish(ctx, g.live.Current()); err != nil {
		g.publisher.Poke()
		return root, fmt.Errorf("root %d counts, and is not published yet, which is tried again: %w", root.Version, err)
	}
	return root, nil
}
