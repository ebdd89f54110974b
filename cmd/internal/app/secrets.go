package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	platformKeyFile = "platform.key"
	adminTokenFile  = "admin-token"
	adminTokenBegin = "oarlock_admin_"
)

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
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// adminToken is the hash of the bootstrap token, which itself is kept nowhere.
type adminToken [sha256.Size]byte

// loadAdminToken reads the hash. The first start makes a token and hands it to
// show, once, before its hash is written: a crash between the two makes
// another token the next time.
func loadAdminToken(data string, show func(token string)) (adminToken, error) {
	path := filepath.Join(data, adminTokenFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		token := adminTokenBegin + rand.Text()
		show(token)
		sum := adminToken(sha256.Sum256([]byte(token)))
		return sum, writeSecret(path, []byte("sha256:"+hex.EncodeToString(sum[:])+"\n"))
	}
	if err != nil {
		return adminToken{}, fmt.Errorf("admin token: %w", err)
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(raw)), "sha256:")
	sum, err := hex.DecodeString(text)
	if !ok || err != nil || len(sum) != sha256.Size {
		return adminToken{}, fmt.Errorf("admin token: %s: expected sha256:<hex>; remove the file and a restart makes a new token", path)
	}
	return adminToken(sum), nil
}

// accepts compares in constant time.
func (t adminToken) accepts(token string) bool {
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], t[:]) == 1
}
