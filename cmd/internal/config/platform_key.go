package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oarlock/oarlock/artifact/durable"
)

// PlatformKeyFile is the name of the platform's key in the data directory.
const PlatformKeyFile = "platform.key"

// PlatformKey reads the key that the platform signs its statements with. The
// first start makes it, readable by its owner only.
func PlatformKey(data string) (*ecdsa.PrivateKey, error) {
	path := filepath.Join(data, PlatformKeyFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newPlatformKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("platform key: %s: expected a PEM block; restore it from a backup", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("platform key: %s: %w", path, err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("platform key: %s: %T, expected an ECDSA key", path, key)
	}
	return ec, nil
}

func newPlatformKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	if err := durable.Replace(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	return key, nil
}
