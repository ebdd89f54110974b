package app

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

// cosigning is a witness that trusts, and its key: what one refuses is tested with
// the log itself.
func cosigning(t *testing.T, name string) (http.Handler, string) {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := private.Public().(ed25519.PublicKey)
	id := sha256.Sum256(append([]byte(name+"\n\x04"), public...))
	answer := func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		_, signed, ok := strings.Cut(string(raw), "\n\n")
		text, _, whole := strings.Cut(signed, "\n\n")
		if err != nil || !ok || !whole || r.URL.Path != "/w1/add-checkpoint" {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		at := time.Now().Unix()
		sig := ed25519.Sign(private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at, text))
		said := append(binary.BigEndian.AppendUint64(append([]byte{}, id[:4]...), uint64(at)), sig...)
		fmt.Fprintf(w, "— %s %s\n", name, base64.StdEncoding.EncodeToString(said))
	}
	return http.HandlerFunc(answer), fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(append([]byte{4}, public...)))
}

// Proves G6: a server asks the witnesses of its configuration, and shows what they cosign.
func TestAServerHasItsLogCosigned_G6(t *testing.T) {
	t.Parallel()
	handler, key := cosigning(t, "witness.example.org/w1")
	asked := make(chan struct{}, 100)
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		asked <- struct{}{}
	}))
	t.Cleanup(at.Close)
	s, admin := startGuarded(t, func(c *config.Config) {
		c.Log.Witnesses = []config.LogWitness{{Key: key, URL: at.URL + "/w1"}}
	})
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	select {
	case <-asked:
	case <-t.Context().Done():
		t.Fatal("the witness was not asked")
	}
	if err := s.index.publog.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	state := ask[index.Log](t, s, "", "GET", "/api/v1/log", nil, 200)
	if len(state.Witnesses) != 1 || state.Witnesses[0].Key != key || state.Witnesses[0].Size == 0 {
		t.Errorf("the API says %+v", state.Witnesses)
	}
	by, err := publog.NewVerifier(state.Key)
	if err != nil {
		t.Fatal(err)
	}
	q, err := publog.NewQuorum([]string{key}, 0)
	if err != nil {
		t.Fatal(err)
	}
	v, err := publog.VerifyWitnessed(t.Context(), func(_ context.Context, path string) ([]byte, error) {
		_, body := textOf(t, s, "", "GET", "/log/"+path)
		return []byte(body), nil
	}, by, q, "")
	if err != nil || len(v.Cosigned) != 1 {
		t.Errorf("cosigned %+v: %v", v.Cosigned, err)
	}
}
