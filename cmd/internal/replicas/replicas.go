package replicas

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/block"
)

const (
	// announceAgain is how often what could not be told, or went unheard, is
	// tried again.
	announceAgain = time.Second
	// hearWithin is how long the first catalog waits until changes are heard.
	hearWithin = 5 * time.Second
	// silentFor is for how long nothing may be heard, not even that the others are
	// alive, before the ledgers are looked at in storage instead, every lookEvery.
	silentFor = 3 * time.Second
	lookEvery = time.Second
	// lookAnyway is how often they are looked at even so, for what a replica stored
	// that died before it could tell; and lookShare how much of the time that may
	// take at the most, where there are very many.
	lookAnyway = 10 * time.Minute
	lookShare  = 50
)

// Replicas are the other servers over the storage of this one. The nil Replicas
// are none. All methods may be called at once from many goroutines.
type Replicas struct {
	notifier *store.Notifier
	ingest   *ingest.Ingester
	blocks   *block.Blocks
	log      *slog.Logger
	missed   atomic.Bool   // something went unheard: the catalog is behind
	hearing  chan struct{} // closed once changes are heard
	late     atomic.Bool   // the first catalog did not wait for that
	heard    heard

	mu     sync.Mutex
	untold map[string]bool // repositories
}

// New tells and hears the other replicas by n, which the caller closes. What is
// heard changes the catalog of in and what b knows.
func New(n *store.Notifier, in *ingest.Ingester, b *block.Blocks, log *slog.Logger) *Replicas {
	return &Replicas{notifier: n, ingest: in, blocks: b, log: log, hearing: make(chan struct{}), untold: map[string]bool{}}
}

// Announcer passes on by n what the registry says of a block; nil without n.
func Announcer(n *store.Notifier) func(ctx context.Context, notice []byte) error {
	if n == nil {
		return nil
	}
	return func(ctx context.Context, notice []byte) error { return n.Announce(ctx, store.Change{Block: notice}) }
}

// Tell announces the events of one act before it is acknowledged, so that what a
// client was told is known to every replica. What cannot be told until ctx ends
// is remembered and tried again; the error says so.
func (r *Replicas) Tell(ctx context.Context, events []registry.Event) error {
	if r == nil {
		return nil
	}
	changes := make([]store.Change, len(events))
	for i, e := range events {
		changes[i] = store.Change{Repository: e.Repository, Tag: e.Tag, Manifest: e.Descriptor.Digest.String(), Subject: e.Subject.String()}
	}
	err := r.notifier.Announce(ctx, changes...)
	if err == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		r.untold[e.Repository] = true
	}
	return fmt.Errorf("other replicas are told later: %w", err)
}

// Listen hears the other replicas until ctx ends.
func (r *Replicas) Listen(ctx context.Context) {
	if r != nil {
		r.notifier.Listen(ctx, r.hear, func(err error) { r.log.ErrorContext(ctx, "replicas: not heard, it is tried again", "err", err) })
	}
}

// Heard waits a little until Listen hears, so that what is derived from then on
// misses nothing.
func (r *Replicas) Heard(ctx context.Context) {
	if r == nil {
		return
	}
	timer := time.NewTimer(hearWithin)
	defer timer.Stop()
	select {
	case <-r.hearing:
	case <-timer.C:
		r.late.Store(true)
		r.log.WarnContext(ctx, "replicas: not heard yet, the catalog may lag behind them")
	case <-ctx.Done():
	}
}

// Tasks tell what could not be told, and read what went unheard.
func (r *Replicas) Tasks() []periodic.Task {
	if r == nil {
		return nil
	}
	return []periodic.Task{
		{Name: "replicas_tell", Every: announceAgain, Quiet: true, Run: r.tellAgain}, // the first time was logged
		{Name: "replicas_ledgers", Every: lookEvery, Run: r.lookAtLedgers},
		{Name: "replicas_catch_up", Every: announceAgain, Run: r.catchUp},
	}
}

// hear is called in order by one goroutine.
func (r *Replicas) hear(c store.Change) {
	switch {
	case !c.Alive.IsZero():
		r.blocks.BlocksHeard(c.Alive)
		if r.heard.alive(c.Alive) {
			r.ingest.Heard(c.Alive)
		}
	case len(c.Block) > 0:
		if err := r.blocks.HearBlock(c.Block); err != nil {
			r.log.Error("replicas: a block was announced that cannot be read, it is found in storage", "err", err)
		}
	case !c.Missed && c.Manifest == "":
		r.ingest.Doubt(c.Repository)
	case !c.Missed:
		r.ingest.Notify(c.Repository, c.Tag, digest.Digest(c.Manifest), digest.Digest(c.Subject))
	default:
		r.blocks.BlocksMissed()
		select {
		case <-r.hearing:
			r.heard.missed(time.Now())
			r.missed.Store(true)
		default:
			if r.late.Load() {
				r.heard.missed(time.Now())
				r.missed.Store(true)
			}
			close(r.hearing)
		}
	}
}

// catchUp compares the catalog with the registry after changes went unheard.
func (r *Replicas) catchUp(ctx context.Context) error {
	if !r.missed.Swap(false) {
		return nil
	}
	if _, err := r.ingest.Reconcile(ctx); err != nil {
		r.missed.Store(true)
		return fmt.Errorf("what went unheard of other replicas: %w", err)
	}
	return nil
}

func (r *Replicas) tellAgain(ctx context.Context) error {
	r.mu.Lock()
	untold := r.untold
	r.untold = map[string]bool{}
	r.mu.Unlock()
	var errs []error
	for repo := range untold {
		if err := r.notifier.Announce(ctx, store.Change{Repository: repo}); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", repo, err))
			r.mu.Lock()
			r.untold[repo] = true
			r.mu.Unlock()
		}
	}
	return errors.Join(errs...)
}
