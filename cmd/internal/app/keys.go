package app

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/store"
)

// sharedPlatformKey is the id of the platform key among the keys that replicas
// share; the others are those of access tokens.
const sharedPlatformKey = "platform"

// errTwoKeys names the ways out where a data directory has another key than the
// replicas: neither is written over, since each may have signed something.
func errTwoKeys(data string) error {
	return fmt.Errorf("platform key: %s/%s is another key than the one that the replicas share through db: point data and db at those of one site; "+
		"or move the file away, and this replica takes the shared key", data, config.PlatformKeyFile)
}

// sharePlatformKey makes the key in the data directory that of all replicas: the
// one that is shared already, or else the one that is here, or else a new one
// where there may be one.
func sharePlatformKey(ctx context.Context, s *store.Store, data string, mayMake func() error) error {
	own, err := config.PlatformKeyPEM(data)
	absent := errors.Is(err, fs.ErrNotExist)
	if err != nil && !absent {
		return err
	}
	keys, err := s.LoadKeys(ctx)
	if err != nil {
		return fmt.Errorf("platform key: %w", err)
	}
	shared := keys[sharedPlatformKey]
	if len(shared) == 0 {
		if shared, err = offerPlatformKey(ctx, s, own, mayMake); err != nil {
			return err
		}
	}
	switch {
	case absent:
		return config.KeepPlatformKey(data, shared)
	case !bytes.Equal(shared, own):
		return errTwoKeys(data)
	}
	return nil
}

// offerPlatformKey shares own, or a new key where there is none, and gives the one
// that is shared then: another replica may have been faster.
func offerPlatformKey(ctx context.Context, s *store.Store, own []byte, mayMake func() error) ([]byte, error) {
	if len(own) == 0 {
		err := mayMake()
		if err == nil {
			own, err = config.NewPlatformKey()
		}
		if err != nil {
			return nil, err
		}
	}
	err := s.SaveKey(ctx, sharedPlatformKey, own)
	if err == nil || !errors.Is(err, artifact.ErrConflict) {
		return own, err
	}
	keys, err := s.LoadKeys(ctx)
	if err == nil && len(keys[sharedPlatformKey]) == 0 {
		err = errors.New("platform key: it is gone from the database; try again")
	}
	return keys[sharedPlatformKey], err
}

// tokenKeys are the shared keys without the platform's.
type tokenKeys struct{ *store.Store }

// LoadKeys implements auth.KeyStore.
func (k tokenKeys) LoadKeys(ctx context.Context) (map[string][]byte, error) {
	keys, err := k.Store.LoadKeys(ctx)
	delete(keys, sharedPlatformKey)
	return keys, err
}

// preparePlatformKey makes the platform's key where there is none and nothing that
// one signed, and shares it with other replicas. Who adopts a registry says that a
// new site begins, and may have a new key.
func preparePlatformKey(ctx context.Context, cfg config.Config, p *premises, adopt bool) error {
	mayMake := func() error {
		if adopt {
			return nil
		}
		return p.signers().MaySign(ctx, cfg.Data)
	}
	if cfg.Shared() {
		return sharePlatformKey(ctx, p.database.store, cfg.Data, mayMake)
	}
	_, err := config.PlatformKey(cfg.Data)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := mayMake(); err != nil {
		return err
	}
	key, err := config.NewPlatformKey()
	if err != nil {
		return err
	}
	return config.KeepPlatformKey(cfg.Data, key)
}

// sealKey protects what a browser holds during a login. It is derived from the
// platform's key, so that replicas and restarts agree on it and nothing more
// has to be kept.
func sealKey(data string) ([]byte, error) {
	key, err := config.PlatformKey(data)
	if err != nil {
		return nil, err
	}
	secret, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	return hkdf.Key(sha256.New, secret, nil, "oarlock login seal 1", 32)
}
