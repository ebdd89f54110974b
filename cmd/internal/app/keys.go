package app

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/store"
)

// sharedPlatformKey is the id of the platform key among the keys that replicas
// share; the others are those of access tokens.
const sharedPlatformKey = "platform"

// sharePlatformKey makes the key in the data directory that of all replicas:
// the first one's, or the one that is shared already.
func sharePlatformKey(ctx context.Context, s *store.Store, data string) error {
	if _, err := config.PlatformKey(data); err != nil {
		return err
	}
	path := filepath.Join(data, config.PlatformKeyFile)
	own, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("platform key: %w", err)
	}
	if err := s.SaveKey(ctx, sharedPlatformKey, own); err == nil || !errors.Is(err, artifact.ErrConflict) {
		return err
	}
	keys, err := s.LoadKeys(ctx)
	if err != nil {
		return err
	}
	shared := keys[sharedPlatformKey]
	if len(shared) == 0 {
		return errors.New("platform key: it is gone from the database; try again")
	}
	if bytes.Equal(shared, own) {
		return nil
	}
	if err := durable.Replace(path, shared, 0o600); err != nil {
		return fmt.Errorf("platform key: %w", err)
	}
	return nil
}

// tokenKeys are the shared keys without the platform's.
type tokenKeys struct{ *store.Store }

// LoadKeys implements auth.KeyStore.
func (k tokenKeys) LoadKeys(ctx context.Context) (map[string][]byte, error) {
	keys, err := k.Store.LoadKeys(ctx)
	delete(keys, sharedPlatformKey)
	return keys, err
}

// preparePlatformKey makes the platform's key where there is none, and shares
// it with other replicas.
func preparePlatformKey(ctx context.Context, cfg config.Config, s *store.Store) error {
	if cfg.Shared() {
		return sharePlatformKey(ctx, s, cfg.Data)
	}
	_, err := config.PlatformKey(cfg.Data)
	return err
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
