package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/registry/storage"
)

// publishLock excludes the publishers of other replicas.
const publishLock = "catalog/publish"

// numbersRecord keeps the numbers of the signed catalog's metadata.
const numbersRecord = "catalog-numbers"

// signing publishes the signed catalog: api.Signing.
type signing struct {
	keys      *signed.Keys
	publisher *signed.Publisher
	index     *joined
	accounts  *accounts

	attempts *prometheus.CounterVec
	bytes    prometheus.Counter
	expires  prometheus.Gauge
	serves   prometheus.Gauge
}

var _ api.Signing = (*signing)(nil)

// openSigning opens the keys and makes the publisher; nil where nothing is to
// be published.
func (s *Server) openSigning(ctx context.Context, metrics prometheus.Registerer) (*signing, error) {
	switch {
	case s.cfg.Catalog.Publish == "off":
		return nil, nil
	case s.cfg.Replicated() && s.cfg.Catalog.Keys == "":
		s.log.WarnContext(ctx, "no signed catalog is published: replicas sign with the same keys, so set catalog.keys to a directory that all of them have")
		return nil, nil
	}
	keys, err := signed.OpenKeys(s.cfg.CatalogKeys(), signed.KeyOptions{RootLifetime: s.cfg.Catalog.Root, Now: s.clock.Now})
	if err == nil {
		err = keys.Online()
	}
	if err != nil {
		return nil, err
	}
	to := catalogTarget{s.registry}
	g := &signing{keys: keys, index: s.index, accounts: s.accounts,
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oarlock_signed_catalog_attempts_total", Help: "Attempts to publish the signed catalog, by how they ended."}, []string{"ended"}),
		bytes:    prometheus.NewCounter(prometheus.CounterOpts{Name: "oarlock_signed_catalog_bytes_total", Help: "Bytes that publications of the signed catalog wrote."}),
		expires:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "oarlock_signed_catalog_expires_timestamp_seconds", Help: "When readers refuse the signed catalog unless it is signed anew."}),
		serves:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "oarlock_signed_catalog_generation", Help: "Generation that the signed catalog says."}),
	}
	metrics.MustRegister(g.attempts, g.bytes, g.expires, g.serves)
	g.publisher = signed.NewPublisher(signed.PublisherOptions{To: to, Keys: keys, Lock: exclusive(s.accounts.locker()), Public: g.public,
		Replace: to.replace,
		Numbers: func(ctx context.Context, raise func([]byte) ([]byte, error)) error {
			return s.registry.SwapRecord(ctx, numbersRecord, raise)
		},
		Lifetimes: s.cfg.Catalog.Lifetimes(), Quiet: s.cfg.Catalog.Quiet, AtMost: s.cfg.Catalog.AtMost, Done: g.done, Now: s.clock.Now, Log: s.log})
	return g, nil
}

func exclusive(l storage.Locker) func(context.Context) (func(), error) {
	if l == nil {
		return nil
	}
	return func(ctx context.Context) (func(), error) { return l.Lock(ctx, publishLock, false) }
}

// public is what nobody in particular may know of g: the artifact is for all.
func (g *signing) public(ctx context.Context, whole *catalog.Generation) (*catalog.Generation, error) {
	by, err := g.accounts.publicVisibility(ctx)
	if err != nil {
		return nil, err
	}
	return g.index.live.Visible(whole, by), nil
}

func (g *signing) done(p signed.Published, err error) {
	if err != nil {
		g.attempts.WithLabelValues("failed").Inc()
		return
	}
	g.attempts.WithLabelValues("done").Inc()
	g.bytes.Add(float64(p.Uploaded))
	g.expires.Set(float64(p.Expires.Unix()))
	g.serves.Set(float64(p.Generation))
}

// run publishes until ctx ends; the nil signing never does.
func (g *signing) run(ctx context.Context) error {
	if g != nil {
		g.publisher.Run(ctx, g.index.live, g.index.ingest.ReadyC())
	}
	return nil
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
	err := g.accounts.do(ctx, audit.Act{Action: auth.SiteManage, On: auth.Site(), Before: was, Planned: map[string]any{"begun": true, "rotation": r}},
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
	if _, err := g.publisher.Publish(ctx, g.index.live.Current()); err != nil {
		g.publisher.Poke()
		return root, fmt.Errorf("root %d counts, and is not published yet, which is tried again: %w", root.Version, err)
	}
	return root, nil
}
