package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oarlock/oarlock/artifact"
)

// A KeyStore keeps the private signing keys, each under its key id.
type KeyStore interface {
	// LoadKeys returns all of them by id.
	LoadKeys(ctx context.Context) (map[string][]byte, error)
	// SaveKey stores a new one so that no one else can read it.
	SaveKey(ctx context.Context, id string, key []byte) error
	// RemoveKey removes one; one that is not there is no error.
	RemoveKey(ctx context.Context, id string) error
}

// storedKey is a signing key as a KeyStore keeps it.
type storedKey struct {
	CreatedAt time.Time       `json:"created_at"`
	Key       jose.JSONWebKey `json:"key"`
}

// KeyOptions are how Keys are opened. The zero value works.
type KeyOptions struct {
	// Age is how old a key gets before RotateIfDue makes another, ninety days
	// by default.
	Age time.Duration
	// Overlap is how long a key still verifies after the next one took over;
	// an hour by default. It has to be longer than the life of an access token.
	Overlap time.Duration
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// Keys sign access tokens (ES256) and verify them. The newest key signs; an
// older one verifies for Overlap longer. Replicas that share a KeyStore learn
// of a new key when they first meet a token that it signed. Safe for
// concurrent use.
type Keys struct {
	o     KeyOptions
	store KeyStore

	mu     sync.RWMutex
	keys   []storedKey // newest first
	loaded time.Time
}

// OpenKeys loads the keys and makes the first one when there is none. A key
// that cannot be read is an error: to make another would end every token.
func OpenKeys(ctx context.Context, store KeyStore, o KeyOptions) (*Keys, error) {
	if o.Age <= 0 {
		o.Age = 90 * 24 * time.Hour
	}
	if o.Overlap <= 0 {
		o.Overlap = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	k := &Keys{o: o, store: store}
	if err := k.load(ctx); err != nil {
		return nil, err
	}
	if len(k.keys) == 0 {
		return k, k.Rotate(ctx)
	}
	return k, nil
}

func (k *Keys) load(ctx context.Context) error {
	raw, err := k.store.LoadKeys(ctx)
	if err != nil {
		return fmt.Errorf("signing keys: %w", err)
	}
	var keys []storedKey
	for id, b := range raw {
		var s storedKey
		if err := json.Unmarshal(b, &s); err != nil {
			return invalid("signing key %q: damaged: %v", id, err)
		}
		if private, ok := s.Key.Key.(*ecdsa.PrivateKey); !ok || private.Curve != elliptic.P256() || s.Key.KeyID != id {
			return invalid("signing key %q: expected a private P-256 key of that id", id)
		}
		keys = append(keys, s)
	}
	if len(keys) == 0 && len(k.current()) > 0 {
		return fmt.Errorf("signing keys: all of them are gone from the store")
	}
	slices.SortFunc(keys, func(x, y storedKey) int {
		if c := y.CreatedAt.Compare(x.CreatedAt); c != 0 {
			return c
		}
		return slices.Compare([]byte(x.Key.KeyID), []byte(y.Key.KeyID))
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.loaded = keys, k.o.Now()
	return nil
}

// Rotate makes a new key, signs with it from now on, and removes those that
// verify nothing any more.
func (k *Keys) Rotate(ctx context.Context) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	s := storedKey{CreatedAt: k.o.Now().UTC(), Key: jose.JSONWebKey{Key: private, Algorithm: string(jose.ES256), Use: "sig"}}
	sum, err := s.Key.Thumbprint(crypto.SHA256)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	s.Key.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	if err := k.store.SaveKey(ctx, s.Key.KeyID, b); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	if err := k.load(ctx); err != nil {
		return err
	}
	return k.prune(ctx)
}

// RotateIfDue learns of the keys of other replicas, and rotates when the
// newest is older than Age. A scheduler calls it at least twice in each
// Overlap, so that no replica signs with a key that the others gave up.
func (k *Keys) RotateIfDue(ctx context.Context) (rotated bool, err error) {
	if err := k.load(ctx); err != nil {
		return false, err
	}
	k.mu.RLock()
	due := k.o.Now().Sub(k.keys[0].CreatedAt) >= k.o.Age
	k.mu.RUnlock()
	if !due {
		return false, nil
	}
	return true, k.Rotate(ctx)
}

func (k *Keys) prune(ctx context.Context) error {
	var errs []error
	for _, id := range k.retired() {
		errs = append(errs, k.store.RemoveKey(ctx, id))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("signing keys: %w", err)
	}
	return k.load(ctx)
}

// retired are the ids of the keys whose overlap is over.
func (k *Keys) retired() []string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var ids []string
	for i, s := range k.keys {
		if i > 0 && k.o.Now().Sub(k.keys[i-1].CreatedAt) > k.o.Overlap {
			ids = append(ids, s.Key.KeyID)
		}
	}
	return ids
}

// current are the keys as they were last loaded.
func (k *Keys) current() []storedKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.keys
}

// signer is the key that signs now.
func (k *Keys) signer() jose.JSONWebKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.keys[0].Key
}

// verifier is the public key with an id. One that is not known is looked for
// in the store, at most once a second.
func (k *Keys) verifier(ctx context.Context, id string) (any, error) {
	if key, ok := k.find(id); ok {
		return key, nil
	}
	k.mu.RLock()
	fresh := k.o.Now().Sub(k.loaded) < time.Second
	k.mu.RUnlock()
	if !fresh {
		if err := k.load(ctx); err != nil {
			return nil, err
		}
		if key, ok := k.find(id); ok {
			return key, nil
		}
	}
	return nil, fmt.Errorf("access token: signed by key %.60q, which is not ours: %w", id, artifact.ErrUnverified)
}

func (k *Keys) find(id string) (any, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for i, s := range k.keys {
		if s.Key.KeyID == id && (i == 0 || k.o.Now().Sub(k.keys[i-1].CreatedAt) <= k.o.Overlap) {
			return s.Key.Public().Key, true
		}
	}
	return nil, false
}

// JWKS are the public keys that verify now.
func (k *Keys) JWKS() jose.JSONWebKeySet {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var set jose.JSONWebKeySet
	for i, s := range k.keys {
		if i == 0 || k.o.Now().Sub(k.keys[i-1].CreatedAt) <= k.o.Overlap {
			set.Keys = append(set.Keys, s.Key.Public())
		}
	}
	return set
}
