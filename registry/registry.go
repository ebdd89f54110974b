package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/singleflight"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Registry keeps plugins and what speaks about them. It is an http.Handler
// for /v2/, and its methods read what is stored without a request. All of it
// may be used by many goroutines at once. Open makes one.
type Registry struct {
	opts     Options
	log      *slog.Logger
	driver   *driver.Driver
	app      *handlers.App
	sessions sessions
	// uploadSecret signs the state in an upload's Location.
	uploadSecret string
	manifests    *cache[*manifest]
	referrers    *cache[referrerList]
	listed       *cache[ocispec.Descriptor] // referrer links by path, where others write too: what one says never changes
	blobs        *cache[[]byte]             // small ones, by digest
	referring    *cache[struct{}]           // manifests that their subjects know of
	facts        *cache[digest.Digest]      // links, by path; none where others write too
	marked       sync.Map                   // repositories that are in the list for sure
	blocks       atomic.Pointer[blockSet]
	seen         atomic.Int64 // when it was last known what is blocked, in Unix nanoseconds
	heard        heardBlocks
	sparing      singleflight.Group // by repository
	verified     verified
	aside        sync.Map // digests that are in quarantine or missing, as far as this process knows
	faults       faults
	stop         context.CancelFunc
	done         sync.WaitGroup
}

// Open opens the storage that o names and starts the purge of old uploads.
// A directory that cannot be written, that another process holds, or that a
// newer version wrote is an error that says so. The caller closes it.
func Open(ctx context.Context, o Options) (*Registry, error) {
	o = o.withDefaults()
	bridgeLogs()
	g := &Registry{opts: o, log: o.Logger}
	if err := g.open(ctx); err != nil {
		if g.driver != nil {
			err = errors.Join(err, g.driver.Close())
		}
		return nil, fmt.Errorf("registry: %w", err)
	}
	return g, nil
}

func (g *Registry) open(ctx context.Context) error {
	var err error
	if g.driver, err = driver.Open(ctx, g.opts.storage()); err != nil {
		return err
	}
	secret, err := g.prepare(ctx)
	if err != nil {
		return err
	}
	g.uploadSecret = secret
	quarter := g.opts.CacheBytes / 4
	g.referring = newCache[struct{}](quarter / 4)
	g.manifests, g.blobs = newCache[*manifest](quarter), newCache[[]byte](quarter)
	if g.opts.Replicated {
		g.listed = newCache[ocispec.Descriptor](quarter)
	} else {
		g.referrers, g.facts = newCache[referrerList](quarter), newCache[digest.Digest](quarter)
	}
	g.verified = newVerified()
	g.heard.look = make(chan struct{}, 1)
	if err := g.openBlocks(ctx); err != nil {
		return err
	}
	if err := g.openQuarantine(ctx); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.stop = stop
	if g.app, err = newApp(life, g.driver, secret); err != nil {
		stop()
		return err
	}
	if g.opts.Replicated {
		g.done.Go(func() { g.watchBlocks(life) })
	}
	if g.opts.PurgeInterval > 0 && !g.opts.ReadOnly {
		g.done.Go(func() { g.purgeLoop(life) })
	}
	return nil
}

// prepare makes what a storage needs to be served, while no other replica does.
func (g *Registry) prepare(ctx context.Context) (secret string, err error) {
	if !g.opts.ReadOnly {
		unlock, err := g.opts.Locker.Lock(ctx, "storage", false)
		if err != nil {
			return "", fmt.Errorf("lock the storage: %w", err)
		}
		defer unlock()
	}
	if err := g.driver.OpenFence(ctx, g.opts.storage()); err != nil {
		return "", driver.S3Hint(err)
	}
	if secret, err = g.secret(ctx); err != nil {
		return "", driver.S3Hint(err)
	}
	return secret, g.adopt(ctx)
}

// secret is the key of the upload tokens, kept in storage so that restarts
// and replicas read each other's. Writing it also proves that storage can be
// written.
func (g *Registry) secret(ctx context.Context) (string, error) {
	was, err := g.driver.ReadHeld(ctx, driver.SecretPath)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", driver.SecretPath, err)
	}
	if len(was.Content) >= 16 {
		return was.Content, g.probe(ctx)
	}
	fresh := rand.Text() + rand.Text()
	if g.opts.ReadOnly {
		return fresh, nil
	}
	// Whoever was faster made the key of all.
	if err := g.driver.ReplaceHeld(ctx, driver.SecretPath, []byte(fresh), was); err != nil && !errors.Is(err, driver.ErrMoved) {
		return "", fmt.Errorf("storage cannot be written: %w", err)
	}
	content, err := g.driver.GetContent(ctx, driver.SecretPath)
	return string(content), err
}

// probe writes and removes a file, because a registry that cannot write must
// say so when it starts. A full disk is no reason not to serve.
func (g *Registry) probe(ctx context.Context) error {
	if g.opts.ReadOnly {
		return nil
	}
	const at = "/oarlock/probe"
	if err := g.driver.PutContent(ctx, at, []byte("probe")); err != nil {
		if full := artifact.StorageErrorOf(err); full != nil && full.Reason != artifact.StorageDenied {
			g.log.ErrorContext(ctx, "registry: storage takes nothing: it serves, and refuses pushes", "err", err)
			return nil
		}
		return fmt.Errorf("storage cannot be written: %w", err)
	}
	if err := g.driver.Delete(ctx, at); !driver.IsNotFound(err) {
		return err
	}
	return nil // another replica was faster
}

// Close stops what runs in the background and waits for it. Requests that are
// still being answered are the caller's to drain before.
func (g *Registry) Close() error {
	g.stop()
	g.done.Wait()
	g.keepSessions(context.Background())
	return errors.Join(g.app.Shutdown(), g.driver.Close())
}
