package signed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/client"
)

// Options of a Catalog. From and Root must be given.
type Options struct {
	// From is the repository oarlock/catalog, or a copy of it.
	From RepositoryReader
	// Root is what is trusted from the beginning.
	Root Pin
	// State is a directory that remembers what was seen, against rollback, and
	// what was fetched. It belongs to one catalog; empty keeps it in memory, which
	// forgets at the end of the process.
	State string
	// Registry is what references begin with, such as registry.example.org/mirror.
	Registry string
	// Config gives the plugin manifest of a version, for readmes; nil has none.
	Config func(ctx context.Context, id artifact.Name, config digest.Digest) (*artifact.Plugin, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// A Catalog answers from the signed artifact. It is safe for concurrent use.
// Answers are from what Open, or the last Refresh, trusted; once that expires,
// they are refused until a Refresh finds something newer.
//
// Errors are those of client.Client; in addition a *Refusal says why what the
// registry holds is not believed.
type Catalog struct {
	o       Options
	memory  *memory
	mu      sync.Mutex // one refresh at a time
	current atomic.Pointer[trustedCatalog]
}

var _ client.Catalog = (*Catalog)(nil)

// trustedCatalog is one release that was believed.
type trustedCatalog struct {
	snapshot *catalog.Snapshot
	status   Status
	shards   []digest.Digest
	root     *metadata.Metadata[metadata.RootType]
}

// A Status says what a Catalog answers from.
type Status struct {
	Contents
	Expires  time.Time     `json:"expires_at"`
	Manifest digest.Digest `json:"manifest"`
	Root     int64         `json:"root"`    // version
	Fetched  int64         `json:"fetched"` // bytes that the last refresh fetched
}

// Open reads the catalog and believes it only as far as the pinned root goes.
func Open(ctx context.Context, o Options) (*Catalog, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	m, err := openMemory(o.State)
	if err != nil {
		return nil, err
	}
	c := &Catalog{o: o, memory: m}
	return c, c.Refresh(ctx)
}

// beginAgain is how often a Refresh begins again because what it was reading was
// replaced and is not given any more.
const beginAgain = 3

// Refresh looks for a newer catalog. On an error answers go on from what was
// trusted before, until that expires. Where the registry gives a part no more
// because the whole was replaced meanwhile, it begins again with the newest.
func (c *Catalog) Refresh(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, err := c.refresh(ctx)
	for range beginAgain {
		if !errors.Is(err, artifact.ErrNotFound) || from == "" {
			return err
		}
		if now, tag := c.o.From.Tag(ctx, Tag); tag != nil || now == from {
			return err
		}
		from, err = c.refresh(ctx)
	}
	return err
}

// refresh is Refresh, once. from is the manifest that it read, or began to.
func (c *Catalog) refresh(ctx context.Context) (from digest.Digest, err error) {
	w := &walk{fetcher: fetcher{from: c.o.From, memory: c.memory}, now: c.o.Now().UTC()}
	if w.l, err = w.listing(ctx); err != nil {
		return w.at, err
	}
	if err := w.run(ctx, c.o.Root); err != nil {
		return w.at, err
	}
	next, err := c.load(ctx, w)
	if err != nil {
		return w.at, err
	}
	next.status.Expires, next.status.Manifest = w.expires(), w.l.manifest.Digest
	next.status.Root, next.status.Fetched, next.root = w.trusted.Root.Signed.Version, w.fetched, w.trusted.Root
	c.current.Store(next)
	return w.at, c.memory.sweep(w.l)
}

// load reads what the trusted targets name.
func (c *Catalog) load(ctx context.Context, w *walk) (*trustedCatalog, error) {
	signed := w.trusted.Targets[metadata.TARGETS].Signed.Targets
	raw, err := w.target(ctx, signed, contentsName, maxContents)
	if err != nil {
		return nil, err
	}
	contents, err := parseContents(raw)
	if err != nil {
		return nil, refuse(RefusedMalformed, "%s", err)
	}
	if last := c.current.Load(); last != nil && last.status.CatalogDigest == contents.CatalogDigest {
		same, err := last.snapshot.Replace(contents.ShardBits, nil, contents.GeneratedAt)
		if err != nil {
			return nil, refuse(RefusedMalformed, "%s", err)
		}
		return &trustedCatalog{snapshot: same, status: Status{Contents: contents}, shards: last.shards}, nil
	}
	next := &trustedCatalog{status: Status{Contents: contents}, shards: make([]digest.Digest, 1<<contents.ShardBits)}
	changed := map[int]string{}
	last := c.current.Load()
	known := last != nil && len(last.shards) == len(next.shards)
	for n := range next.shards {
		name := shardName(contents.ShardBits, n)
		if next.shards[n], _ = signedDigest(signed[name]); known && last.shards[n] == next.shards[n] {
			continue
		}
		packed, err := w.target(ctx, signed, name, maxShard)
		if err != nil {
			return nil, err
		}
		if changed[n], err = unpack(packed); err != nil {
			return nil, refuse(RefusedMalformed, "%s: %s", name, err)
		}
	}
	if known {
		next.snapshot, err = last.snapshot.Replace(contents.ShardBits, changed, contents.GeneratedAt)
	} else {
		whole := make([]string, len(next.shards))
		for n := range whole {
			whole[n] = changed[n]
		}
		next.snapshot, err = catalog.Assemble(contents.ShardBits, whole, contents.GeneratedAt)
	}
	if err != nil {
		return nil, refuse(RefusedMalformed, "%s", err)
	}
	if got := next.snapshot.Digest(); got != contents.CatalogDigest {
		return nil, refuse(RefusedMixed, "the plugins have catalog digest %s, %s was signed", got, contents.CatalogDigest)
	}
	return next, nil
}

// target reads one file by the digest and length that were signed; what the
// manifest says of it does not matter.
func (w *walk) target(ctx context.Context, signed map[string]*metadata.TargetFiles, name string, limit int64) ([]byte, error) {
	f := signed[name]
	d, ok := signedDigest(f)
	if !ok {
		return nil, refuse(RefusedMalformed, "%s does not sign %s", targetsName, name)
	}
	if f.Length > limit {
		return nil, refuse(RefusedEndless, "%s: %d bytes are signed, expected at most %d", name, f.Length, limit)
	}
	return w.blob(ctx, name, d, f.Length)
}

// Status says what the answers are from.
func (c *Catalog) Status() Status { return c.current.Load().status }

// now is what may be answered from at this moment.
func (c *Catalog) now() (*trustedCatalog, error) {
	at := c.current.Load()
	if now := c.o.Now(); now.After(at.status.Expires) {
		return nil, refuse(RefusedExpired, "the catalog of generation %d ended %s, it is %s now", at.status.Generation, at.status.Expires.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return at, nil
}

// stamp is what answers carry.
func (t *trustedCatalog) stamp() index.Stamp {
	return index.Stamp{Generation: t.status.Generation, CatalogDigest: t.status.CatalogDigest}
}

// Summary is the catalog in numbers.
func (c *Catalog) Summary() (*index.Summary, error) {
	at, err := c.now()
	if err != nil {
		return nil, fmt.Errorf("summary: %w", err)
	}
	s := at.status
	return &index.Summary{Stamp: at.stamp(), GeneratedAt: s.GeneratedAt, ExpiresAt: s.Expires,
		Plugins: at.snapshot.Present(), Versions: at.snapshot.Versions(), Pending: at.snapshot.Pending(), Hosts: at.snapshot.Hosts()}, nil
}
