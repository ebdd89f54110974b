package notify

import (
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
