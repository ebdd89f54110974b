package seal

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// FileKey is a key that a file holds.
type FileKey struct {
	id  string
	box *Box
}

var _ Key = FileKey{}

// ParseFileKey reads a file: 32 bytes in base64, as `openssl rand -base64 32` writes
// them. Errors wrap artifact.ErrInvalid and quote nothing.
func ParseFileKey(text []byte) (FileKey, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != KeyBytes {
		return FileKey{}, fmt.Errorf("seal key: expected %d bytes in base64, as openssl rand -base64 %d writes them: %w",
			KeyBytes, KeyBytes, artifact.ErrInvalid)
	}
	box, err := NewBox(key)
	if err != nil {
		return FileKey{}, err
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("oarlock seal key id 1")) // never fails
	return FileKey{"file:" + hex.EncodeToString(mac.Sum(nil)[:8]), box}, nil
}

// NewFileKey draws a key, as its file has it.
func NewFileKey() []byte {
	key := make([]byte, KeyBytes)
	_, _ = rand.Read(key) // never fails
	return []byte(base64.StdEncoding.EncodeToString(key) + "\n")
}

// ID implements Key: "file:" and what the key's own digest begins with.
func (k FileKey) ID() string { return k.id }

// Wrap implements Key.
func (k FileKey) Wrap(_ context.Context, key []byte) (string, []byte, error) {
	return k.id, k.box.Seal(k.id, key), nil
}

// Unwrap implements Key.
func (k FileKey) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	return k.box.Open(k.id, wrapped)
}
