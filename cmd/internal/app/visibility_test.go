package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/registry/remote"
)

// publish pushes a plugin with a manifest of the test's own and waits until it
// is in the catalog.
func publish(t *testing.T, s *Server, token, manifest string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, pack.ManifestFile), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := pack.Dir(t.Context(), dir, pack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = remote.Push(t.Context(), p.Store, p.Root, s.Addr()+"/"+p.Plugin.ID.String()+":"+p.Plugin.Version.Tag(), remote.Options{
		HTTPClient: visitor, Credential: orasauth.StaticCredential(s.Addr(), orasauth.Credential{Username: "ci", Password: token}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// everybodyListed is a trust policy that lists what nobody signed.
func everybodyListed(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trust.yaml")
	if err := os.WriteFile(path, []byte("namespaces: {\"*\": {signature: optional}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// I7: the catalog, and the Go client over it, show a private plugin to those
// who may pull it, from the moment on at which they may.
func TestPrivatePluginsAreInTheCatalogOfTheirReaders_I7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Trust = everybodyListed(t) })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "secret", "private": true}, 201)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}, "dependencies": [{"id": "secret/core", "range": ">=1"}]}`)
	publish(t, s, admin, `{"id": "secret/core", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	publish(t, s, admin, `{"id": "secret/tool", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	robot := func(label, scope string) string {
		return ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/tokens", map[string]any{
			"label": label, "namespace": "secret", "scopes": []string{scope}, "expires_at": soon()}, 201).Secret
	}
	all, one := robot("reader", "repository:secret/*:pull"), robot("core", "repository:secret/core:pull")
	stranger := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/tokens", map[string]any{
		"label": "x", "namespace": "acme", "scopes": []string{"repository:acme/*:pull"}, "expires_at": soon()}, 201).Secret
	open, hidden := "acme/hello", "acme/hello secret/core secret/tool"
	for token, want := range map[string]string{"": open, stranger: open, one: "acme/hello secret/core", all: hidden, admin: hidden} {
		if got := listed(t, s, token); got != want {
			t.Errorf("%.12s finds %q, expected %q", token, got, want)
		}
	}
	wanted := index.ResolveRequest{Plugins: []index.Want{{ID: "acme/hello"}}}
	if _, err := clientOf(t, s, stranger).Resolve(t.Context(), wanted); !errors.Is(err, artifact.ErrConflict) || !strings.Contains(err.Error(), "there is no plugin secret/core here") {
		t.Errorf("a stranger resolves a dependency on what is private: %v", err)
	}
	if r, err := clientOf(t, s, one).Resolve(t.Context(), wanted); err != nil || len(r.Resolved) != 2 {
		t.Errorf("its reader resolves %+v, %v", r, err)
	}
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/secret", map[string]any{"private": false}, 200)
	if got := listed(t, s, ""); got != hidden {
		t.Errorf("opened: everybody finds %q", got)
	}
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/secret", map[string]any{"private": true}, 200)
	if got := listed(t, s, ""); got != open {
		t.Errorf("closed again: everybody finds %q", got)
	}
	by, err := s.accounts.publicVisibility(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := s.index.live.Visible(s.index.live.Current(), by).Snapshot.Len(); n != 1 {
		t.Errorf("what is published to everybody holds %d plugins", n)
	}
}

func clientOf(t *testing.T, s *Server, token string) *client.Client {
	t.Helper()
	c, err := client.New(s.URL(), client.Options{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listed are the ids that a caller finds, in order.
func listed(t *testing.T, s *Server, token string) string {
	t.Helper()
	page, err := clientOf(t, s, token).Search(t.Context(), index.Query{Sort: "name", Facets: []string{"publisher"}})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	counted := 0
	for _, row := range page.Items {
		ids = append(ids, row.ID)
	}
	for _, n := range page.Facets["publisher"] {
		counted += n
	}
	sum, err := clientOf(t, s, token).Catalog(t.Context())
	if err != nil || sum.Plugins != len(ids) || page.Total != len(ids) || counted != len(ids) {
		t.Fatalf("%d rows, total %d, facets of %d, catalog of %d, %v", len(ids), page.Total, counted, sum.Plugins, err)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}
