package seal_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/index/seal"
)

// transit answers as the transit engine of Vault does about one key, "site".
type transit struct {
	mu      sync.Mutex
	keys    []cipher.AEAD // by version, from 1
	oldest  int           // min_decryption_version
	sealed  bool
	refuses bool
	calls   int
}

func (v *transit) rotate() {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, _ := aes.NewCipher(key)
	aead, _ := cipher.NewGCMWithRandomNonce(block)
	v.keys = append(v.keys, aead)
}

func (v *transit) set(change func(v *transit)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

func (v *transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	fail := func(code int, text string) {
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": []string{text}})
	}
	act, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/transit/"), "/")
	var in struct{ Plaintext, Ciphertext string }
	switch {
	case v.sealed:
		fail(503, "Vault is sealed")
		return
	case r.Header.Get("X-Vault-Token") != "s.token" || v.refuses:
		fail(403, "permission denied")
		return
	case r.Method != http.MethodPost || name != "site" || r.Header.Get("X-Vault-Request") != "true" || json.NewDecoder(r.Body).Decode(&in) != nil:
		fail(400, "encryption key not found")
		return
	}
	answer := func(data map[string]any) {
		_ = json.NewEncoder(w).Encode(map[string]any{"request_id": "9f", "lease_id": "", "renewable": false, "lease_duration": 0, "data": data})
	}
	switch act {
	case "encrypt":
		plain, err := base64.StdEncoding.DecodeString(in.Plaintext)
		if err != nil {
			fail(400, "failed to base64-decode plaintext")
			return
		}
		n := len(v.keys)
		answer(map[string]any{"ciphertext": fmt.Sprintf("vault:v%d:%s", n, base64.StdEncoding.EncodeToString(v.keys[n-1].Seal(nil, nil, plain, nil))), "key_version": n})
	case "decrypt":
		var n int
		var text string
		if _, err := fmt.Sscanf(in.Ciphertext, "vault:v%d:%s", &n, &text); err != nil || n < 1 || n > len(v.keys) || n < v.oldest {
			fail(400, "invalid ciphertext: no prefix")
			return
		}
		raw, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			raw, err = v.keys[n-1].Open(nil, nil, raw, nil)
		}
		if err != nil {
			fail(400, "cipher: message authentication failed")
			return
		}
		answer(map[string]any{"plaintext": base64.StdEncoding.EncodeToString(raw)})
	default:
		fail(404, "unsupported path")
	}
}

func vault(t *testing.T) (*transit, seal.Vault) {
	t.Helper()
	v := &transit{}
	v.rotate()
	s := httptest.NewServer(v)
	t.Cleanup(s.Close)
	return v, seal.Vault{Address: s.URL, Mount: "transit", Name: "site", Token: func() (string, error) { return "s.token", nil },
		Client: outbound.New(outbound.Options{Hosts: []string{"127.0.0.1"}})}
}

// Proves I4: a key management service wraps the keys of values; after it rotates,
// old values are opened and new ones name the new version.
func TestVaultSealsAndRotates_I4(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v, key := vault(t)
	r := seal.NewRing(key, "")
	s, err := r.Seal(ctx, "use", []byte("secret"))
	if err != nil || s.Key != "vault:transit/site:v1" || strings.Contains(string(s.Bytes), "secret") {
		t.Fatalf("%v, %v", s, err)
	}
	v.rotate()
	if got, err := r.Open(ctx, "use", s); err != nil || string(got) != "secret" {
		t.Errorf("after a rotation: %q, %v", got, err)
	}
	if id, err := r.Current(ctx); err != nil || id != "vault:transit/site:v2" {
		t.Errorf("current: %q, %v", id, err)
	}
	file := fileKey(t)
	moved := seal.NewRing(file, "", key)
	if got, err := moved.Open(ctx, "use", s); err != nil || string(got) != "secret" {
		t.Errorf("by a ring that moved to a file: %q, %v", got, err)
	}
	v.set(func(v *transit) { v.oldest = 2 })
	if _, err := r.Open(ctx, "use", s); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("a version that was retired: %v", err)
	}
}

// Proves I4: a service that cannot be asked is told from one that says no, and no
// error quotes what was sent.
func TestAVaultThatCannotBeAskedCouldNotTell_I4(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v, key := vault(t)
	r := seal.NewRing(key, "")
	s, err := r.Seal(ctx, "use", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for name, break_ := range map[string]func(v *transit){
		"sealed":  func(v *transit) { v.sealed = true },
		"refuses": func(v *transit) { v.refuses = true },
	} {
		v.set(break_)
		_, err := r.Open(ctx, "use", s)
		_, err2 := r.Seal(ctx, "use", []byte("secret"))
		if err == nil || err2 == nil || errors.Is(err, artifact.ErrUnverified) || strings.Contains(err.Error()+err2.Error(), "s.token") {
			t.Errorf("%s: %v, %v", name, err, err2)
		}
		v.set(func(v *transit) { v.sealed, v.refuses = false, false })
	}
	lost := key
	lost.Token = func() (string, error) { return "", errors.New("no token") }
	if _, err := seal.NewRing(lost, "").Open(ctx, "use", s); err == nil || errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("without a token: %v", err)
	}
	other := key
	other.Name = "another"
	if _, _, err := other.Wrap(ctx, make([]byte, 32)); err == nil {
		t.Error("a key that is not there wrapped one")
	}
	bad := bytesChanged(s)
	if _, err := r.Open(ctx, "use", bad); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("changed: %v", err)
	}
}

func bytesChanged(s seal.Sealed) seal.Sealed {
	out := seal.Sealed{Key: s.Key, Bytes: append([]byte{}, s.Bytes...)}
	out.Bytes[20] ^= 1
	return out
}
