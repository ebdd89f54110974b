package gc

import (
	"context"
	"fmt"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Sweep is what a garbage collector needs of a registry: to list what is
// stored with its age, to set links aside and drop them, and to remove bytes
// that nothing links. It decides nothing. Below /oarlock/gc in storage:
//
//	links/<repo>/_condemned/<kind>s/<alg>-<hex>  a link that was set aside; reading it puts it back
//	bytes/<alg>/<hex>                            bytes that no link leads to; whoever looks for them unmarks them
//	removed/<alg>/<hex>                          bytes on their way out; whoever looks for them brings them back
//
// What a reader or a push needs is thereby back before it is answered. Methods
// that change something need a registry that was not opened read-only.
type Sweep struct {
	store  *storage.Storage
	blocks *block.Blocks
	server Server
}

// A Server serves what is collected; a *registry.Registry is one.
type Server interface {
	// OldestUpload says when the oldest upload of repo that has no bytes yet
	// began; false when there is none.
	OldestUpload(repo string) (began time.Time, found bool)
	// Dropped is told of manifests of one repository that are gone, while no lock
	// of it is held.
	Dropped(ctx context.Context, gone ...registry.Event)
}

// NewSweep gives a garbage collector access to s, which server serves. b
// forgets what it derived from what is dropped.
func NewSweep(s *storage.Storage, b *block.Blocks, server Server) Sweep { return Sweep{s, b, server} }

// Writable is an error for a registry that was opened read-only.
func (s Sweep) Writable() error {
	if s.store.ReadOnly() {
		return fmt.Errorf("registry was opened read-only: %w", artifact.ErrDenied)
	}
	return nil
}

// Begin waits until no other collection runs and makes this the only one.
func (s Sweep) Begin(ctx context.Context) (end func(), err error) {
	return s.store.Locker().Lock(ctx, "collection", false)
}

// Lock excludes every push to repo and every delete in it.
func (s Sweep) Lock(ctx context.Context, repo string) (unlock func(), err error) {
	return s.store.Locker().Lock(ctx, "repository/"+repo, false)
}

// Repositories calls fn for every repository that holds or held a link, also
// those that no manifest was ever pushed to.
func (s Sweep) Repositories(ctx context.Context, fn func(repository string) error) error {
	return s.store.LinkedRepositories(ctx, fn)
}

// Links lists the links of repo as registry does.
func (s Sweep) Links(ctx context.Context, repo string, known func(driver.LinkKind, digest.Digest, bool) (storage.Link, bool), fn func(storage.Link), bad func(driver.Damage)) error {
	return s.store.Links(ctx, repo, known, fn, bad)
}

// Each calls fn for the numbers below n as the storage does best.
func (s Sweep) Each(ctx context.Context, n int, fn func(ctx context.Context, i int) error) error {
	return s.store.Each(ctx, n, fn)
}

// raw is the driver below the hooks of storage/driver: looking through it
// brings nothing back.
func (s Sweep) raw() storagedriver.StorageDriver { return s.store.Driver().StorageDriver }

// Generation changes with everything that is changed in repo. It is false
// where other processes write too, of which this one does not hear. A number
// is worth nothing in another process.
func (s Sweep) Generation(repo string) (uint64, bool) {
	return s.store.Driver().Generation(repo).Load(), !s.store.Replicated() && !s.store.ReadOnly()
}
