package app

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/oarlock/oarlock/cmd/internal/config"
)

// sealKey protects what a browser holds during a login. It is derived from the
// platform's key, so that replicas and restarts agree on it and nothing more
// has to be kept.
func (a *accounts) sealKey() ([]byte, error) {
	key, err := config.PlatformKey(a.cfg.Data)
	if err != nil {
		return nil, err
	}
	secret, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	return hkdf.Key(sha256.New, secret, nil, "oarlock login seal 1", 32)
}
