package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Options say where a Storage is, and who else writes to it. The zero value of
// every field works except Dir, which the filesystem driver needs.
type Options struct {
	driver.Options
	// Locker excludes other writers; nil excludes those of this process.
	Locker Locker
	// Withholds is told of which repository something is withheld from readers
	// now, or no longer is; "" is any. It must not wait. nil tells nobody.
	Withholds func(repository string)
	// Now is the clock of what is written down; time.Now by default.
	Now func() time.Time
	// CacheBytes is the memory that may hold manifests and referrer lists,
	// 64 MiB by default, none if negative.
	CacheBytes int64
}

// A Storage is what repositories hold: manifests, blobs, tags, what refers to
// what, and which bytes are in quarantine. It knows no rule of what may be pushed
// and no HTTP: its callers ask before. All of it may be used by many goroutines
// at once. Open makes one.
type Storage struct {
	opts   Options
	log    *slog.Logger
	driver *driver.Driver
	// secret signs the state in an upload's Location.
	secret      string
	manifests   *cache[*Manifest]
	referrers   *cache[ReferrerList]
	listed      *cache[ocispec.Descriptor] // referrer links by path, where others write too: what one says never changes
	blobs       *cache[[]byte]             // small ones, by digest
	referring   *cache[struct{}]           // manifests that their subjects know of
	linkCache   *cache[digest.Digest]      // links, by path; none where others write too
	marked      sync.Map                   // repositories that are in the list for sure
	verified    verified
	quarantined sync.Map // digests that are in quarantine or missing, as far as this process knows
	faults      faults
}

// Open opens the storage that o names. A directory that cannot be
// written, that another process holds, or that a newer version wrote is an error
// that says so. The caller closes it.
func Open(ctx context.Context, o Options) (*Storage, error) {
	o = o.withDefaults()
	g := &Storage{opts: o, log: o.Logger}
	if err := g.open(ctx); err != nil {
		if g.driver != nil {
			err = errors.Join(err, g.driver.Close())
		}
		return nil, fmt.Errorf("registry: %w", err)
	}
	return g, nil
}

func (o Options) withDefaults() Options {
	if o.Driver == "" {
		o.Driver = "filesystem"
	}
	if o.Locker == nil {
		o.Locker = NewLocker()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	return o
}

func (s *Storage) open(ctx context.Context) error {
	var err error
	if s.driver, err = driver.Open(ctx, s.opts.Options); err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	quarter := s.opts.CacheBytes / 4
	s.referring = newCache[struct{}](quarter / 4)
	s.manifests, s.blobs = newCache[*Manifest](quarter), newCache[[]byte](quarter)
	if s.opts.Replicated {
		s.listed = newCache[ocispec.Descriptor](quarter)
	} else {
		s.referrers, s.linkCache = newCache[ReferrerList](quarter), newCache[digest.Digest](quarter)
	}
	s.verified = newVerified()
	if err := s.OpenQuarantine(ctx); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return nil
}

// Close gives the storage back.
func (s *Storage) Close() error { return s.driver.Close() }

// Driver keeps the bytes.
func (s *Storage) Driver() *driver.Driver { return s.driver }

// Log is where the storage says what is wrong.
func (s *Storage) Log() *slog.Logger { return s.log }

// Locker excludes other writers.
func (s *Storage) Locker() Locker { return s.opts.Locker }

// ReadOnly reports whether nothing may be written.
func (s *Storage) ReadOnly() bool { return s.opts.ReadOnly }

// Replicated reports whether other processes write to the same storage.
func (s *Storage) Replicated() bool { return s.opts.Replicated }

// Now is the time by the storage's clock.
func (s *Storage) Now() time.Time { return s.opts.Now() }

// UploadSecret is the key of upload tokens, which restarts and replicas share.
func (s *Storage) UploadSecret() string { return s.secret }

// prepare makes what a storage needs to be served, while no other replica does.
func (s *Storage) prepare(ctx context.Context) error {
	if !s.opts.ReadOnly {
		unlock, err := s.opts.Locker.Lock(ctx, "storage", false)
		if err != nil {
			return fmt.Errorf("lock the storage: %w", err)
		}
		defer unlock()
	}
	if err := s.driver.OpenFence(ctx, s.opts.Options); err != nil {
		return driver.S3Hint(err)
	}
	var err error
	if s.secret, err = s.readSecret(ctx); err != nil {
		return driver.S3Hint(err)
	}
	return s.adopt(ctx)
}

// readSecret gives the key of the upload tokens, kept in storage so that restarts
// and replicas read each other's. Writing it also proves that storage can be
// written.
func (s *Storage) readSecret(ctx context.Context) (string, error) {
	was, err := s.driver.ReadHeld(ctx, driver.SecretPath)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", driver.SecretPath, err)
	}
	if len(was.Content) >= 16 {
		return was.Content, s.probe(ctx)
	}
	fresh := rand.Text() + rand.Text()
	if s.opts.ReadOnly {
		return fresh, nil
	}
	// Whoever was faster made the key of all.
	if err := s.driver.ReplaceHeld(ctx, driver.SecretPath, []byte(fresh), was); err != nil && !errors.Is(err, driver.ErrMoved) {
		return "", fmt.Errorf("storage cannot be written: %w", err)
	}
	content, err := s.driver.GetContent(ctx, driver.SecretPath)
	return string(content), err
}

// probe writes and removes a file, because a registry that cannot write must
// say so when it starts. A full disk is no reason not to serve.
func (s *Storage) probe(ctx context.Context) error {
	if s.opts.ReadOnly {
		return nil
	}
	const at = "/oarlock/probe"
	if err := s.driver.PutContent(ctx, at, []byte("probe")); err != nil {
		if full := artifact.StorageErrorOf(err); full != nil && full.Reason != artifact.StorageDenied {
			s.log.ErrorContext(ctx, "registry: storage takes nothing: it serves, and refuses pushes", "err", err)
			return nil
		}
		return fmt.Errorf("storage cannot be written: %w", err)
	}
	if err := s.driver.Delete(ctx, at); !driver.IsNotFound(err) {
		return err
	}
	return nil // another replica was faster
}
