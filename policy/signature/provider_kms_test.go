//go:build kms

package signature_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/policy/signature"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature/kms"
)

// transit answers as the transit engine of Vault does about one key.
func transit(t *testing.T, key *ecdsa.PrivateKey) *httptest.Server {
	t.Helper()
	public, err := cryptoutils.MarshalPublicKeyToPEM(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, data map[string]any) {
		if err := json.NewEncoder(w).Encode(map[string]any{"data": data}); err != nil {
			t.Error(err)
		}
	}
	mux.HandleFunc("GET /v1/transit/keys/acme", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"latest_version": 1, "type": "ecdsa-p256", "keys": map[string]any{"1": map[string]any{"public_key": string(public)}}})
	})
	sign := func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Input     string `json:"input"`
			Prehashed bool   `json:"prehashed"`
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || !asked.Prehashed {
			t.Errorf("asked %+v, %v", asked, err)
		}
		sum, err := base64.StdEncoding.DecodeString(asked.Input)
		if err != nil {
			t.Error(err)
		}
		sig, err := key.Sign(rand.Reader, sum, crypto.SHA256)
		if err != nil {
			t.Error(err)
		}
		answer(w, map[string]any{"signature": "vault:v1:" + base64.StdEncoding.EncodeToString(sig)})
	}
	mux.HandleFunc("PUT /v1/transit/sign/acme/{hash}", sign)
	mux.HandleFunc("PUT /v1/transit/sign/acme", sign)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// A key of a service signs what its public half verifies.
func TestAKeyOfAServiceSigns_G1(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("VAULT_ADDR", transit(t, key).URL)
	t.Setenv("VAULT_TOKEN", "letmein")
	opened, err := signature.OpenKey(t.Context(), "hashivault://acme", nil)
	if err != nil {
		t.Fatal(err)
	}
	signsAndVerifies(t, opened)
	if _, err := signature.OpenKey(t.Context(), "hashivault://nobody", nil); err == nil {
		t.Error("a key that there is not was opened")
	}
}

// Every scheme that a build with -tags kms promises has its provider.
func TestEveryServiceHasItsProvider(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"awskms", "azurekms", "gcpkms", "hashivault"} {
		has := slices.ContainsFunc(kms.SupportedProviders(), func(s string) bool { return strings.HasPrefix(s, scheme) })
		if !has || !slices.Contains(signature.Providers(), scheme) {
			t.Errorf("%s: no provider among %v", scheme, kms.SupportedProviders())
		}
	}
}
