package app

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

const platformKeyFile = "platform.key"

// platformKey reads the key that the platform signs its statements with. The
// first start makes it, readable by its owner only.
func platformKey(data string) (*ecdsa.PrivateKey, error) {
	path := filepath.Join(data, platformKeyFile)
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
	if err := writeSecret(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	return key, nil
}

// writeSecret writes a file that only its owner may read, whole or not at all.
func writeSecret(path string, content []byte) error {
	return durable.Replace(path, content, 0o600)
}
