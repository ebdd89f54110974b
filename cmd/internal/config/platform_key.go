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

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
)

// PlatformKeyFile is the name of the platform's key in the data directory.
const PlatformKeyFile = "platform.key"

// PlatformKey reads the key that the platform signs its statements with. It makes
// none: whether there may be a new one is for the start of a server to say. The
// error wraps fs.ErrNotExist where nothing is there.
func PlatformKey(data string) (*ecdsa.PrivateKey, error) {
	raw, err := PlatformKeyPEM(data)
	if err != nil {
		return nil, err
	}
	return parsePlatformKey(filepath.Join(data, PlatformKeyFile), raw)
}

// PlatformKeyPEM is PlatformKey as its file has it.
func PlatformKeyPEM(data string) ([]byte, error) {
	path := filepath.Join(data, PlatformKeyFile)
	raw, err := bounded.ReadFile(path, bounded.Key)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil { // no place for a new key either
			return nil, fmt.Errorf("platform key: %s is a link to something that is not there: bring back what it names, or restore it from a backup", path)
		}
		return nil, fmt.Errorf("platform key: %s is not there: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	if _, err := parsePlatformKey(path, raw); err != nil {
		return nil, err
	}
	return raw, nil
}

func parsePlatformKey(path string, raw []byte) (*ecdsa.PrivateKey, error) {
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

// NewPlatformKey draws a key, as its file has it.
func NewPlatformKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// KeepPlatformKey writes the platform's key, readable by its owner only, where
// none is there. It never replaces one.
func KeepPlatformKey(data string, key []byte) error {
	if err := durable.Create(filepath.Join(data, PlatformKeyFile), key, 0o600); err != nil {
		return fmt.Errorf("platform key: %w", err)
	}
	return nil
}
