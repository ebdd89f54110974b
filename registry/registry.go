package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/distribution/distribution/v3/registry/handlers"

	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Registry keeps plugins and what speaks about them. It is an http.Handler
// for /v2/, and its methods read what is stored without a request. All of it
// may be used by many goroutines at once. Open makes one.
type Registry struct {
	*store
	*blocks
	*keeper
	opts     Options
	log      *slog.Logger
	driver   *driver.Driver
	app      *handlers.App
	sessions sessions
	stop     context.CancelFunc
	done     sync.WaitGroup
}

// What a Registry is made of answers through it, and cannot be replaced.
type (
	store  = storage.Storage
	blocks = block.Blocks
	keeper = integrity.Keeper
)

// Open opens the storage that o names and starts the purge of old uploads.
// A directory that cannot be written, that another process holds, or that a
// newer version wrote is an error that says so. The caller closes it.
func Open(ctx context.Context, o Options) (*Registry, error) {
	o = o.withDefaults()
	bridgeLogs()
	s, err := storage.Open(ctx, o.Storage())
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	g := &Registry{store: s, keeper: integrity.New(s, o.RepairFrom), opts: o, log: o.Logger, driver: s.Driver()}
	if err := g.open(ctx); err != nil {
		return nil, fmt.Errorf("registry: %w", errors.Join(err, s.Close()))
	}
	return g, nil
}

func (g *Registry) open(ctx context.Context) error {
	var err error
	if g.blocks, err = block.Open(ctx, g.store, block.Options{Announce: g.opts.Announce, Withholds: g.opts.Withholds}); err != nil {
		return err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.stop = stop
	if g.app, err = newApp(life, g.driver, g.UploadSecret()); err != nil {
		stop()
		return err
	}
	if g.opts.Replicated {
		g.done.Go(func() { g.blocks.Watch(life) })
	}
	if g.opts.PurgeInterval > 0 && !g.opts.ReadOnly {
		g.done.Go(func() { g.purgeLoop(life) })
	}
	return nil
}

// Close stops what runs in the background and waits for it. Requests that are
// still being answered are the caller's to drain before.
func (g *Registry) Close() error {
	g.stop()
	g.done.Wait()
	g.keepSessions(context.Background())
	return errors.Join(g.app.Shutdown(), g.store.Close())
}

// Storage is what the repositories hold. What is written through it is asked of
// no rule.
func (g *Registry) Storage() *storage.Storage { return g.store }

// Blocks are what may not be read.
func (g *Registry) Blocks() *block.Blocks { return g.blocks }
