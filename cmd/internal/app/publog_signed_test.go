package app

import (
	"context"
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

// Proves G6 and C7: the signed catalog commits to the log: a log that says something
// else later does not extend what the catalog says.
func TestTheSignedCatalogCommitsToTheLog_G6(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Trust = everybodyListed(t) })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/acme", map[string]any{"private": false}, 200)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0"}`)
	if status, text := textOf(t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/1.0.0/proof"); status != 200 { // which waits for the leaf
		t.Fatalf("%d %s", status, text)
	}
	_, c := published(t, s)
	by, err := publog.NewVerifier(ask[index.Log](t, s, "", "GET", "/api/v1/log", nil, 200).Key)
	if err != nil {
		t.Fatal(err)
	}
	committed := c.Status().LogCheckpoint
	at, err := publog.OpenCheckpoint(committed, by)
	if err != nil || at.N == 0 {
		t.Fatalf("the catalog commits to %q: %v", committed, err)
	}
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.1.0"}`)
	if err := s.index.publog.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := wholeLog(t, s, committed); v.Checkpoint.N <= at.N {
		t.Errorf("the log has %d leaves, the catalog committed to %d", v.Checkpoint.N, at.N)
	}
	other, _ := startGuarded(t, func(*config.Config) {})
	if _, err := publog.Verify(t.Context(), func(_ context.Context, path string) ([]byte, error) {
		_, body := textOf(t, other, "", "GET", "/log/"+path)
		return []byte(body), nil
	}, by, committed); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("another log: %v", err)
	}
}
