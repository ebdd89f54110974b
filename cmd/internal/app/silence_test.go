package app

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index/auth"
)

// TestReadsGoOnWithoutTheDatabase_K7: when the database is gone, what everybody
// could pull is served, what is private is not, whoever has a token is asked to
// come again, nothing is taken, and /readyz and /metrics say why.
func TestReadsGoOnWithoutTheDatabase_K7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	for name, public := range map[string]bool{"acme": true, "secretco": false} {
		ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": name, "private": !public}, 201)
		if status, body := upload(t, s, admin, name+"/hello", []byte("hello"), false); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
	}
	blob := "/hello/blobs/sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	get := func(token, method, path string) (int, string) { return textOf(t, s, token, method, path) }
	if status, text := get("", "GET", "/v2/acme"+blob); status != 200 || text != "hello" {
		t.Fatal(status, text)
	}
	if err := s.accounts.Learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.accounts.store.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * auth.CacheTTL); ; { // until nothing is served from what was asked before
		if status, _ := get(admin, "GET", "/v2/acme"+blob); status == http.StatusServiceUnavailable {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a token is taken without the database")
		}
	}
	for path, want := range map[string]int{
		"/v2/acme" + blob: 200, "/v2/secretco" + blob: 401, "/v2/nobodys" + blob: 401, "/api/v1/plugins": 200, "/livez": 200,
	} {
		if status, text := get("", "GET", path); status != want {
			t.Errorf("%s: %d, want %d: %s", path, status, want, text)
		}
	}
	if status, _ := get(admin, "POST", "/v2/acme/hello/blobs/uploads/"); status != http.StatusServiceUnavailable {
		t.Errorf("a push: %d", status)
	}
	if status, text := get("", "GET", "/readyz"); status != 200 || !strings.Contains(text, "the database does not answer since") {
		t.Errorf("readyz: %d %s", status, text)
	}
	if _, text := get("", "GET", "/metrics"); !regexp.MustCompile(`(?m)^oarlock_database_silent_seconds [0-9.e-]*[1-9]`).MatchString(text) {
		t.Error("the metrics do not say that the database is silent")
	}
}
