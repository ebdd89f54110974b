package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A sealer hands values to a browser or a client that they can neither read
// nor change: AES-256-GCM, with what the value is for as additional data.
type sealer struct {
	aead cipher.AEAD
	now  func() time.Time
}

// newSealer takes 32 bytes that replicas share; nil draws some.
func newSealer(key []byte, now func() time.Time) (*sealer, error) {
	if key == nil {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
	}
	if len(key) != 32 {
		return nil, invalid("seal key: %d bytes, expected 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	return &sealer{aead, now}, nil
}

type sealed struct {
	Until time.Time       `json:"until"`
	Value json.RawMessage `json:"value"`
}

func (s *sealer) seal(use string, v any, life time.Duration) (string, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	b, err := json.Marshal(sealed{s.now().Add(life), value})
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, b, []byte(use))), nil
}

// open reads into v what was sealed for the same use and has not ended. Errors
// wrap artifact.ErrUnverified.
func (s *sealer) open(use, text string, v any) error {
	refuse := func(why string) error { return fmt.Errorf("%s: %s: %w", use, why, artifact.ErrUnverified) }
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return refuse("not ours")
	}
	b, err := s.aead.Open(nil, nil, raw, []byte(use))
	if err != nil {
		return refuse("not ours")
	}
	var box sealed
	if err := json.Unmarshal(b, &box); err != nil {
		return refuse("not ours")
	}
	if !s.now().Before(box.Until) {
		return refuse("it has ended")
	}
	if err := json.Unmarshal(box.Value, v); err != nil {
		return refuse("not ours")
	}
	return nil
}
