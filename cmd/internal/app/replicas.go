package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry"
)

const (
	// announceWithin bounds what a push waits until the other replicas are told.
	announceWithin = 2 * time.Second
	// announceAgain is how often what could not be told is tried again.
	announceAgain = time.Second
	// hearWithin is how long the first catalog waits until changes are heard.
	hearWithin = 5 * time.Second
)

// replicas tell one another over one storage what they stored. The nil replicas
// are none.
type replicas struct {
	notifier *store.Notifier
	ingest   *ingest.Ingester
	registry *registry.Registry
	log      *slog.Logger
	missed   chan struct{} // wakes the reconcile of what went unheard
	hearing  chan struct{} // closed once changes are heard

	mu     sync.Mutex
	untold map[string]bool // repositories
}

// joinReplicas makes what tells the other replicas; where there can be none
// that share the storage, it says so.
func (s *Server) joinReplicas(ctx context.Context) error {
	if !s.cfg.Replicated() {
		if place, err := config.ParseStorage(s.cfg.Storage); err == nil && place.Driver == "s3" {
			s.log.WarnContext(ctx, "one replica only: its state is in a file of its own, so no other server may use this bucket and prefix; set db to postgres://… for more")
		}
		return nil
	}
	notifier, err := store.OpenNotifier(ctx, s.cfg.DB)
	if err != nil {
		return fmt.Errorf("db: %w", err)
	}
	s.pushes.others = &replicas{
		notifier: notifier, ingest: s.index.ingest, registry: s.registry, log: s.log,
		missed: make(chan struct{}, 1), hearing: make(chan struct{}), untold: map[string]bool{},
	}
	return nil
}

// tell announces e before its push is acknowledged, so that what a client was
// told is known to every replica. What cannot be told is tried again.
func (r *replicas) tell(e registry.Event) {
	if r == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), announceWithin)
	defer cancel()
	c := store.Change{Repository: e.Repository, Tag: e.Tag, Manifest: e.Descriptor.Digest.String(), Subject: e.Subject.String()}
	if err := r.notifier.Announce(ctx, c); err != nil {
		r.log.ErrorContext(ctx, "replicas: others are told later", "repository", e.Repository, "err", err)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.untold[e.Repository] = true
	}
}

// tellBlock passes on what the registry says of a block.
func (r *replicas) tellBlock(ctx context.Context, notice []byte) error {
	if r == nil {
		return nil
	}
	return r.notifier.Announce(ctx, store.Change{Block: notice})
}

// start hears the other replicas until ctx ends, and waits a little until it
// does, so that what is derived from then on misses nothing.
func (r *replicas) start(ctx context.Context, running *sync.WaitGroup) {
	if r == nil {
		return
	}
	running.Go(func() {
		r.notifier.Listen(ctx, r.hear, func(err error) { r.log.ErrorContext(ctx, "replicas: not heard, it is tried again", "err", err) })
	})
	running.Go(func() { r.tellAgain(ctx) })
	running.Go(func() { r.catchUp(ctx) })
	timer := time.NewTimer(hearWithin)
	defer timer.Stop()
	select {
	case <-r.hearing:
	case <-timer.C:
		r.log.WarnContext(ctx, "replicas: not heard yet, the catalog may lag behind them")
	case <-ctx.Done():
	}
}

// hear is called in order by one goroutine.
func (r *replicas) hear(c store.Change) {
	switch {
	case !c.Alive.IsZero():
		r.registry.BlocksHeard(c.Alive)
	case len(c.Block) > 0:
		if err := r.registry.HearBlock(c.Block); err != nil {
			r.log.Error("replicas: a block was announced that cannot be read, it is found in storage", "err", err)
		}
	case !c.Missed && c.Manifest == "":
		r.ingest.Touch(c.Repository)
	case !c.Missed:
		r.ingest.Notify(c.Repository, c.Tag, digest.Digest(c.Manifest), digest.Digest(c.Subject))
	default:
		r.registry.BlocksMissed()
		select {
		case <-r.hearing:
			poke(r.missed)
		default:
			close(r.hearing)
		}
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// catchUp compares the catalog with the registry after changes went unheard.
func (r *replicas) catchUp(ctx context.Context) {
	for {
		select {
		case <-r.missed:
		case <-ctx.Done():
			return
		}
		if _, err := r.ingest.Reconcile(ctx); err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "replicas: what went unheard could not be read, it is tried again", "err", err)
			wait(ctx, announceAgain)
			poke(r.missed)
		}
	}
}

func (r *replicas) tellAgain(ctx context.Context) {
	for wait(ctx, announceAgain) {
		r.mu.Lock()
		untold := r.untold
		r.untold = map[string]bool{}
		r.mu.Unlock()
		for repo := range untold {
			if err := r.notifier.Announce(ctx, store.Change{Repository: repo}); err != nil {
				r.mu.Lock()
				r.untold[repo] = true
				r.mu.Unlock()
			}
		}
	}
}

// wait reports false when ctx ended before d was over.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *replicas) close() error {
	if r == nil {
		return nil
	}
	return r.notifier.Close()
}
