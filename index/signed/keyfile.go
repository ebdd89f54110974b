package signed

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
)

// readKey reads a private key, PEM with PKCS #8: Ed25519, or ECDSA over P-256.
func readKey(path string) (id string, s signature.Signer, err error) {
	raw, err := bounded.ReadFile(path, bounded.Key)
	if err != nil {
		return "", nil, err
	}
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(raw, cryptoutils.SkipPassword)
	if err != nil {
		return "", nil, fmt.Errorf("key %s: %s: %w", path, err, artifact.ErrInvalid)
	}
	if s, err = loadSigner(key); err != nil {
		return "", nil, fmt.Errorf("key %s: %s: %w", path, err, artifact.ErrInvalid)
	}
	if _, id, err = keyOf(s); err != nil {
		return "", nil, fmt.Errorf("key %s: %s: %w", path, err, artifact.ErrInvalid)
	}
	return id, s, nil
}

// newKey makes a key and keeps it in dir before anything says that it counts.
func newKey(dir, role string) (signature.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	s, err := loadSigner(private)
	if err != nil {
		return nil, err
	}
	_, id, err := keyOf(s)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	if err := durable.MakeFolder(dir, 0o700); err != nil {
		return nil, err
	}
	return s, durable.Create(keyPath(dir, role, id), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
