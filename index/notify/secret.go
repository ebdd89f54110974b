package notify

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

const (
	// secretPrefix stands before a secret in text, as Standard Webhooks says.
	secretPrefix = "whsec_"
	secretBytes  = 32
)

// A Sealer keeps secrets so that the database alone does not tell them:
// AES-256-GCM, with what a secret is for as additional data.
type Sealer struct{ aead cipher.AEAD }

// NewSealer takes 32 bytes that replicas share.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("seal key: %d bytes, expected 32: %w", len(key), artifact.ErrInvalid)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	return &Sealer{aead}, nil
}

// Seal seals a secret for one use.
func (s *Sealer) Seal(use string, secret []byte) []byte {
	return s.aead.Seal(nil, nil, secret, []byte(use))
}

// Open gives what was sealed for the same use; an error wraps
// artifact.ErrUnverified.
func (s *Sealer) Open(use string, sealed []byte) ([]byte, error) {
	secret, err := s.aead.Open(nil, nil, sealed, []byte(use))
	if err != nil {
		return nil, fmt.Errorf("secret of %s: it was sealed with another key of the site: %w", use, artifact.ErrUnverified)
	}
	return secret, nil
}

func newSecret() []byte {
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails
	return secret
}

// SecretText is a secret as its receiver keeps it.
func SecretText(secret []byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// ParseSecret reads what SecretText wrote. Errors wrap artifact.ErrInvalid and
// do not quote it.
func ParseSecret(text string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
	if err != nil || len(raw) < 16 || len(raw) > 64 || !strings.HasPrefix(text, secretPrefix) {
		return nil, fmt.Errorf("secret: expected %s and 16 to 64 bytes in base64: %w", secretPrefix, artifact.ErrInvalid)
	}
	return raw, nil
}
