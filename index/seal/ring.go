package seal

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/oarlock/oarlock/artifact"
)

// A Key wraps the keys of values. An error that wraps artifact.ErrUnverified says
// that the key did not wrap that; any other, that it could not be asked.
type Key interface {
	// ID names the key, whatever its version: "file:…", "vault:…".
	ID() string
	// Wrap wraps a key of a value, and names itself with the version that did.
	Wrap(ctx context.Context, key []byte) (id string, wrapped []byte, err error)
	Unwrap(ctx context.Context, wrapped []byte) ([]byte, error)
}

// ErrNoKey says that nothing can be sealed, because the site has no key for it or
// does not have the one that is needed.
var ErrNoKey = errors.New("the key that seals secrets is not there")

// A Sealed is a value that only a ring with that key opens.
type Sealed struct {
	Key   string // id of the key, with its version
	Bytes []byte
}

// A Ring seals under its current key, and opens what any of its keys sealed.
type Ring struct {
	mu      sync.Mutex
	current Key
	all     []Key
	missing string              // why there is no current key
	first   func() (Key, error) // makes the current key, where there is none yet
}

// NewRing makes a ring. Without a current key it seals nothing, and missing says
// why and what to do.
func NewRing(current Key, missing string, old ...Key) *Ring {
	r := &Ring{current: current, missing: missing, all: old}
	if current != nil {
		r.all = append([]Key{current}, old...)
	}
	return r
}

// NewFirstRing makes a ring whose current key is made when something is sealed first.
func NewFirstRing(first func() (Key, error), old ...Key) *Ring {
	return &Ring{first: first, all: old}
}

// sealing is the current key; nil where there is none.
func (r *Ring) sealing() (Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil && r.first != nil {
		key, err := r.first()
		if err != nil {
			return nil, err
		}
		r.current, r.all = key, append([]Key{key}, r.all...)
	}
	return r.current, nil
}

func (r *Ring) keys() []Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// IDs name the keys of the ring, the current one first.
func (r *Ring) IDs() (out []string) {
	for _, k := range r.keys() {
		out = append(out, k.ID())
	}
	return out
}

func (r *Ring) absent() error {
	return fmt.Errorf("%w: %s", ErrNoKey, r.missing)
}

// Seal seals a value for one use. Sealed twice it is other bytes.
func (r *Ring) Seal(ctx context.Context, use string, value []byte) (Sealed, error) {
	current, err := r.sealing()
	if err != nil {
		return Sealed{}, fmt.Errorf("seal: %w", err)
	}
	if current == nil {
		return Sealed{}, r.absent()
	}
	key := make([]byte, KeyBytes)
	_, _ = rand.Read(key) // never fails
	id, wrapped, err := current.Wrap(ctx, key)
	if err != nil {
		return Sealed{}, fmt.Errorf("seal: %s: %w", current.ID(), err)
	}
	box, err := NewBox(key)
	if err != nil {
		return Sealed{}, err
	}
	out := binary.AppendUvarint(nil, uint64(len(wrapped)))
	return Sealed{id, append(append(out, wrapped...), box.Seal(use, value)...)}, nil
}

// Open gives what was sealed for the same use. An error that wraps
// artifact.ErrUnverified says that it was changed, or moved from elsewhere; any
// other, that it could not be opened now.
func (r *Ring) Open(ctx context.Context, use string, s Sealed) ([]byte, error) {
	n, at := binary.Uvarint(s.Bytes)
	if at <= 0 || n > uint64(len(s.Bytes)-at) {
		return nil, fmt.Errorf("secret of %s: it was changed: %w", use, artifact.ErrUnverified)
	}
	wrapped, sealed := s.Bytes[at:at+int(n)], s.Bytes[at+int(n):]
	for _, k := range r.keys() {
		if !names(k, s.Key) {
			continue
		}
		key, err := k.Unwrap(ctx, wrapped)
		if err != nil {
			return nil, fmt.Errorf("open: %s: %w", s.Key, err)
		}
		box, err := NewBox(key)
		if err != nil {
			return nil, err
		}
		return box.Open(use, sealed)
	}
	return nil, fmt.Errorf("%w: %s sealed it; bring it back, and name it among seal.old_key_files", ErrNoKey, s.Key)
}

// names reports whether an id with its version is of k.
func names(k Key, id string) bool {
	return id == k.ID() || strings.HasPrefix(id, k.ID()+":")
}

// Current is the id, with its version, under which a value would be sealed now.
func (r *Ring) Current(ctx context.Context) (string, error) {
	s, err := r.Seal(ctx, "", nil)
	return s.Key, err
}
