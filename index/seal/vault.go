package seal

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// Vault is a key of the transit engine of HashiCorp Vault, or of what speaks its
// protocol. The key never leaves it. All fields but Namespace must be given.
type Vault struct {
	Address   string // https://vault.example.org
	Mount     string // of the engine: transit
	Name      string // of the key
	Namespace string // of Vault Enterprise
	// Token is asked before each call: an agent may have renewed it.
	Token  func() (string, error)
	Client *http.Client
}

var _ Key = Vault{}

// ID implements Key. Its versions are "…:v1" and on.
func (v Vault) ID() string { return "vault:" + v.Mount + "/" + v.Name }

// Wrap implements Key, by transit/encrypt.
func (v Vault) Wrap(ctx context.Context, key []byte) (string, []byte, error) {
	var out struct {
		Data struct {
			Ciphertext string `json:"ciphertext"`
		} `json:"data"`
	}
	if err := v.call(ctx, "encrypt", map[string]string{"plaintext": base64.StdEncoding.EncodeToString(key)}, &out); err != nil {
		return "", nil, err
	}
	// vault:v3:…
	version, _, ok := strings.Cut(strings.TrimPrefix(out.Data.Ciphertext, "vault:"), ":")
	if !ok || !strings.HasPrefix(out.Data.Ciphertext, "vault:v") {
		return "", nil, errors.New("vault: the answer has no ciphertext such as vault:v1:…")
	}
	return v.ID() + ":" + version, []byte(out.Data.Ciphertext), nil
}

// Unwrap implements Key, by transit/decrypt.
func (v Vault) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	var out struct {
		Data struct {
			Plaintext string `json:"plaintext"`
		} `json:"data"`
	}
	if err := v.call(ctx, "decrypt", map[string]string{"ciphertext": string(wrapped)}, &out); err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(out.Data.Plaintext)
	if err != nil || len(key) != KeyBytes {
		return nil, fmt.Errorf("vault: it decrypts to no key of ours: %w", artifact.ErrUnverified)
	}
	return key, nil
}

// mostAnswer is how long an answer may be in bytes.
const mostAnswer = 64 << 10

// call makes one call of the engine. What was sent and what came is in no error.
func (v Vault) call(ctx context.Context, act string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	at := strings.TrimSuffix(v.Address, "/") + "/v1/" + v.Mount + "/" + act + "/" + url.PathEscape(v.Name)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	token, err := v.Token()
	if err != nil {
		return fmt.Errorf("vault: token: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Vault-Token", token)
	r.Header.Set("X-Vault-Request", "true")
	if v.Namespace != "" {
		r.Header.Set("X-Vault-Namespace", v.Namespace)
	}
	answer, err := v.Client.Do(r)
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("vault: %w", err)
	case len(text) > mostAnswer:
		return fmt.Errorf("vault: the answer has more than %d bytes", mostAnswer)
	case answer.StatusCode != http.StatusOK:
		return said(answer.StatusCode, act, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return errors.New("vault: the answer is not JSON")
	}
	return nil
}

// said is the error of an answer: 400 to a decryption says that the key did not
// encrypt that; everything else, that it could not be asked.
func said(status int, act string, text []byte) error {
	var body struct{ Errors []string }
	_ = json.Unmarshal(text, &body) // else the status alone
	why := fmt.Sprintf("%d", status)
	if len(body.Errors) > 0 {
		why += fmt.Sprintf(" %.200q", strings.Join(body.Errors, "; "))
	}
	if status == http.StatusBadRequest && act == "decrypt" {
		return fmt.Errorf("vault: %s: %w", why, artifact.ErrUnverified)
	}
	return fmt.Errorf("vault: %s", why)
}
