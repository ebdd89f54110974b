package signed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/singleflight"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

const (
	// maxNamed is how many names of plugins a Guard remembers; then it reads anew.
	maxNamed = 1 << 20
	// readWithin bounds the reading of one file.
	readWithin = 30 * time.Second
)

// GuardOptions of a Guard. Both must be given.
type GuardOptions struct {
	// Files is the repository oarlock/catalog as it is stored, past the Guard.
	Files RepositoryReader
	// Public says what everybody may know of, now.
	Public func(ctx context.Context) (catalog.Visibility, error)
}

// A Guard keeps back what is stored of the signed catalog and names a plugin that
// is not for everybody any more. A publication is made from what was public then,
// and stays for the grace period of the garbage collection: who has its digest
// could read it after the right to was taken. It judges by the bytes alone, so
// every server that has them judges alike, whoever published them and when.
//
// It is safe for concurrent use. A nil Guard is that of a Publisher which nobody
// asks.
type Guard struct {
	o       GuardOptions
	reading singleflight.Group
	found   chan struct{} // the newest may name too much

	mu    sync.Mutex
	known map[place]*named
	count int // of names
}

// place is where something was asked for: bytes that were read as a blob say
// nothing about the manifest of that digest, and the other way round.
type place struct {
	digest digest.Digest
	blob   bool
}

// named is what a file names. What follows its first fields is the last answer.
type named struct {
	plugins []artifact.Name // of a shard
	shards  []digest.Digest // of a manifest
	strange bool            // it cannot be read, so nobody knows what it names

	class  string // of the Visibility; "" before the first
	hidden bool
}

// NewGuard makes a Guard. One without Public refuses everything.
func NewGuard(o GuardOptions) *Guard {
	if o.Public == nil {
		o.Public = func(context.Context) (catalog.Visibility, error) {
			return catalog.Visibility{}, fmt.Errorf("this guard was made without GuardOptions.Public: %w", artifact.ErrDenied)
		}
	}
	return &Guard{o: o, found: make(chan struct{}, 1), known: map[place]*named{}}
}

// A WithheldError says that a file of the signed catalog names what is not for
// everybody any more.
type WithheldError struct {
	// Newest says that it belongs to the newest publication, so that there is
	// another soon; else it was replaced.
	Newest bool
}

func (e *WithheldError) Error() string {
	if e.Newest {
		return "the signed catalog names plugins that are not for everybody any more, and is published anew: " +
			"ask again in a moment; where it stays so, the operator finds in the log why it is not published"
	}
	return "this belongs to a signed catalog that was replaced, and that names plugins which are not for everybody any more: " +
		"begin again with " + Repository + ":" + Tag
}

// Check refuses, by a *WithheldError, the manifest or blob d where it names what
// not everybody may know of. Any other error means that it could not be told,
// which refuses too. It is about what is stored: what is not there names nothing.
func (g *Guard) Check(ctx context.Context, d digest.Digest, blob bool) error {
	if g == nil {
		return fmt.Errorf("nobody guards the signed catalog, so nothing of it is given: %w", artifact.ErrDenied)
	}
	by, err := g.o.Public(ctx)
	if err != nil {
		return fmt.Errorf("what of the signed catalog is public: %w", err)
	}
	hidden, err := g.hides(ctx, d, blob, by)
	if err != nil || !hidden {
		return err
	}
	newest, err := g.newest(ctx, d)
	if err != nil {
		return err
	}
	if newest {
		g.Ask()
	}
	return &WithheldError{Newest: newest}
}

// Ask has the publisher publish anew, because what is public may have changed.
func (g *Guard) Ask() {
	select {
	case g.found <- struct{}{}:
	default:
	}
}

// Newest is Check of the newest publication, nil where there is none.
func (g *Guard) Newest(ctx context.Context) error {
	d, err := g.o.Files.Tag(ctx, Tag)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return g.Check(ctx, d, false)
}

// newest reports whether d is the newest publication, or belongs to it.
func (g *Guard) newest(ctx context.Context, d digest.Digest) (bool, error) {
	at, err := g.o.Files.Tag(ctx, Tag)
	if errors.Is(err, artifact.ErrNotFound) {
		return false, nil
	}
	if err != nil || at == d {
		return at == d, err
	}
	n, err := g.read(ctx, at, false)
	return err == nil && n != nil && slices.Contains(n.shards, d), err
}

// hides reports whether d names what by does not show.
func (g *Guard) hides(ctx context.Context, d digest.Digest, blob bool, by catalog.Visibility) (bool, error) {
	if !by.Hides() {
		return false, nil
	}
	n, err := g.read(ctx, d, blob)
	if err != nil || n == nil {
		return false, err
	}
	g.mu.Lock()
	class, hidden := n.class, n.hidden
	g.mu.Unlock()
	if class != "" && class == by.Class {
		return hidden, nil
	}
	hidden = n.strange || slices.ContainsFunc(n.plugins, func(id artifact.Name) bool { return !by.Shows(id) })
	for _, shard := range n.shards {
		if hidden {
			break
		}
		if hidden, err = g.hides(ctx, shard, true, by); err != nil {
			return false, err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	n.class, n.hidden = by.Class, hidden
	return hidden, nil
}

// read is what d names, nil where it is not stored.
func (g *Guard) read(ctx context.Context, d digest.Digest, blob bool) (*named, error) {
	at := place{d, blob}
	g.mu.Lock()
	n := g.known[at]
	g.mu.Unlock()
	if n != nil {
		return n, nil
	}
	got := g.reading.DoChan(fmt.Sprint(at), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWithin)
		defer cancel()
		n, err := g.name(ctx, d, blob)
		if errors.Is(err, artifact.ErrNotFound) {
			return (*named)(nil), nil
		}
		if err != nil {
			return nil, fmt.Errorf("what the signed catalog names: %w", err)
		}
		g.keep(at, n)
		return n, nil
	})
	select {
	case r := <-got:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*named), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (g *Guard) keep(at place, n *named) {
	g.mu.Lock()
	defer g.mu.Unlock()
	size := 1 + len(n.plugins) + len(n.shards)
	if g.count += size; g.count > maxNamed {
		clear(g.known)
		g.count = size
	}
	g.known[at] = n
}

// name reads what d names.
func (g *Guard) name(ctx context.Context, d digest.Digest, blob bool) (*named, error) {
	if blob {
		return g.nameBlob(ctx, d)
	}
	_, raw, err := g.o.Files.Manifest(ctx, d)
	if err != nil {
		return nil, err
	}
	l, err := parseListing(raw)
	if err != nil {
		return &named{strange: true}, nil
	}
	n := new(named)
	for name, layer := range l.files {
		if strings.HasPrefix(name, targetsFolder) && name != targetsFolder+contentsName {
			n.shards = append(n.shards, layer.Digest)
		}
	}
	return n, nil
}

// nameBlob tells shards from metadata by their first byte: metadata is JSON, and
// says no name.
func (g *Guard) nameBlob(ctx context.Context, d digest.Digest) (*named, error) {
	raw, err := g.o.Files.Blob(ctx, d, maxShard)
	switch {
	case errors.Is(err, artifact.ErrInvalid): // too large
		return &named{strange: true}, nil
	case err != nil:
		return nil, err
	case len(raw) > 0 && raw[0] == '{':
		return new(named), nil
	}
	shard, err := unpack(raw)
	if err != nil {
		return &named{strange: true}, nil
	}
	plugins, err := catalog.Named(shard)
	return &named{plugins: plugins, strange: err != nil}, nil
}

// learn reads what was published, so that the first reader need not wait for it.
func (g *Guard) learn(ctx context.Context, manifest digest.Digest) {
	if g != nil {
		_ = g.Check(ctx, manifest, false) // who asks is told
	}
}

// asks gets what the Guard asks its publisher for.
func (g *Guard) asks() <-chan struct{} {
	if g == nil {
		return nil
	}
	return g.found
}
