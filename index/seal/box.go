package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
)

// KeyBytes is how long a key is.
const KeyBytes = 32

// A Box seals values with AES-256-GCM, with what a value is for as additional data.
type Box struct{ aead cipher.AEAD }

// NewBox takes KeyBytes bytes, which replicas share.
func NewBox(key []byte) (*Box, error) {
	if len(key) != KeyBytes {
		return nil, fmt.Errorf("seal key: %d bytes, expected %d: %w", len(key), KeyBytes, artifact.ErrInvalid)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	return &Box{aead}, nil
}

// Seal seals a value for one use.
func (b *Box) Seal(use string, value []byte) []byte {
	return b.aead.Seal(nil, nil, value, []byte(use))
}

// Open gives what was sealed for the same use; an error wraps
// artifact.ErrUnverified.
func (b *Box) Open(use string, sealed []byte) ([]byte, error) {
	value, err := b.aead.Open(nil, nil, sealed, []byte(use))
	if err != nil {
		return nil, fmt.Errorf("secret of %s: it was sealed with another key of the site, or changed: %w", use, artifact.ErrUnverified)
	}
	return value, nil
}
