package app

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/signed"
)

const catalogPath = "/v2/" + signed.Repository

// fetched asks the registry, without a login or with a token; header are pairs.
func fetched(t *testing.T, s *Server, token, method, path string, header ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.SetBasicAuth("x", token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// naming are the parts of the newest signed catalog, as nobody in particular gets
// them, that hold a text: the manifest's path and those of shards.
func naming(t *testing.T, s *Server, text string) (manifest string, shards []string) {
	t.Helper()
	status, header, body := fetched(t, s, "", "GET", catalogPath+"/manifests/"+signed.Tag)
	if status != http.StatusOK {
		t.Fatalf("the newest signed catalog: %d %s", status, body)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, l := range m.Layers {
		path := catalogPath + "/blobs/" + l.Digest.String()
		_, _, content := fetched(t, s, "", "GET", path)
		if l.MediaType != signed.TypeShard {
			continue
		}
		raw, err := z.DecodeAll([]byte(content), nil)
		if err != nil {
			t.Fatalf("%s: %v", l.Annotations[ocispec.AnnotationTitle], err)
		}
		if strings.Contains(string(raw), text) {
			shards = append(shards, path)
		}
	}
	return catalogPath + "/manifests/" + header.Get("Docker-Content-Digest"), shards
}

// twoPublishers is a site with acme/hello and secretco/vault, both public and in a
// signed catalog that nothing but a change of what is public publishes anew.
func twoPublishers(t *testing.T) (s *Server, admin string) {
	t.Helper()
	s, admin = startGuarded(t, func(c *config.Config) {
		c.Trust, c.Catalog.Quiet, c.Catalog.AtMost = everybodyListed(t), time.Hour, time.Hour
	})
	for _, name := range []string{"acme", "secretco"} {
		ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": name}, 201)
	}
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0"}`)
	publish(t, s, admin, `{"id": "secretco/vault", "version": "1.0.0"}`)
	published(t, s)
	return s, admin
}

// What a namespace holds is in nothing that the signed catalog's repository gives,
// from the moment on at which making it private was acknowledged: not by the tag,
// and not by the digest of what was published before. Proves C7 and I7.
func TestMakingPrivateTakesItOutOfTheSignedCatalog_C7_I7(t *testing.T) {
	t.Parallel()
	s, admin := twoPublishers(t)
	manifest, shards := naming(t, s, "secretco/vault")
	if len(shards) != 1 {
		t.Fatalf("while it is public %q name it", shards)
	}
	n := ask[index.Namespace](t, s, admin, "PATCH", "/api/v1/namespaces/secretco", map[string]any{"private": true}, 200)
	if !n.Private || len(n.Warnings) > 0 {
		t.Errorf("made private: %+v", n)
	}
	if newest, naming := naming(t, s, "secretco"); newest == manifest || len(naming) > 0 {
		t.Errorf("the newest, %s, names it in %q", newest, naming)
	}
	for _, token := range []string{"", admin} {
		for _, path := range []string{manifest, shards[0]} {
			for _, header := range [][]string{nil, {"Range", "bytes=0-1"}, {"If-None-Match", "\"" + path[strings.LastIndex(path, "/")+1:] + "\""}} {
				status, _, body := fetched(t, s, token, "GET", path, header...)
				if status != http.StatusNotFound || !strings.Contains(body, index.CodeCatalogReplaced) || !strings.Contains(body, "begin again with oarlock/catalog:latest") {
					t.Errorf("%.12s GET %s with %q: %d %s", token, path, header, status, body)
				}
			}
			if status, _, _ := fetched(t, s, token, "HEAD", path); status != http.StatusNotFound {
				t.Errorf("HEAD %s: %d", path, status)
			}
		}
	}
	mount := "/v2/acme/hello/blobs/uploads/?from=" + signed.Repository + "&mount=" + shards[0][strings.LastIndex(shards[0], "/")+1:]
	if status, _, _ := fetched(t, s, admin, "POST", mount); status != http.StatusAccepted {
		t.Errorf("mounted elsewhere: %d", status)
	}
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/secretco", map[string]any{"private": false}, 200)
	if _, shards := naming(t, s, "secretco/vault"); len(shards) != 1 {
		t.Errorf("public again, %q name it", shards)
	}
	if status, _, body := fetched(t, s, "", "GET", manifest); status != http.StatusOK {
		t.Errorf("public again, what was published before is %d %s", status, body)
	}
}

// Where the signed catalog cannot be published anew, who made the namespace
// private is told, and nobody is given it until it is. Proves C7 and I7.
func TestASignedCatalogThatCannotBePublishedAnewIsGivenToNobody_C7_I7(t *testing.T) {
	t.Parallel()
	s, admin := twoPublishers(t)
	keys, err := filepath.Glob(filepath.Join(s.cfg.CatalogKeys(), "timestamp.*.pem"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %q, %v", keys, err)
	}
	key := keys[0]
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	n := ask[index.Namespace](t, s, admin, "PATCH", "/api/v1/namespaces/secretco", map[string]any{"private": true}, 200)
	if len(n.Warnings) != 1 || !strings.Contains(n.Warnings[0], "given to nobody") {
		t.Errorf("made private while nothing can be published: %+v", n)
	}
	for _, method := range []string{"GET", "HEAD"} {
		status, header, body := fetched(t, s, admin, method, catalogPath+"/manifests/"+signed.Tag)
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") != "1" || method == "GET" && !strings.Contains(body, "is published anew") {
			t.Errorf("%s of the newest: %d %v %s", method, status, header, body)
		}
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	if n := ask[index.Namespace](t, s, admin, "PATCH", "/api/v1/namespaces/secretco", map[string]any{"private": true}, 200); len(n.Warnings) > 0 {
		t.Errorf("asked again: %+v", n)
	}
	if _, naming := naming(t, s, "secretco"); len(naming) > 0 {
		t.Errorf("%q name it", naming)
	}
}

// What another replica made private a moment ago is not published by one that
// still knows it as public. Proves C7 and I7.
func TestWhatAnotherReplicaMadePrivateIsNotPublished_C7_I7(t *testing.T) {
	t.Parallel()
	s, admin := twoPublishers(t)
	stores := auth.OneDatabase(s.accounts.store)
	stores.TokenBounds = s.accounts.store
	other, err := auth.New(auth.Options{Stores: stores, Keys: s.accounts.keys, PublicURL: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // it is known as public here, for a second
		if got := listed(t, s, ""); got != "acme/hello secretco/vault" {
			t.Fatalf("everybody finds %q", got)
		}
		by := auth.Principal{Name: "admin:bootstrap", Kind: auth.Admin, Grants: []auth.Grant{{Role: auth.RoleAdmin}}}
		if _, err := other.Namespaces.Reconfigure(t.Context(), by, "secretco", func(set *auth.NamespaceSettings) { set.Public = false }); err != nil {
			t.Fatal(err)
		}
		if done, _ := published(t, s); done.Plugins != 1 {
			t.Errorf("%d plugins were published, of which one is private", done.Plugins)
		}
		ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/secretco", map[string]any{"private": false}, 200)
	}
}

// A plugin that is named as a replacement is named to those who may pull it, also
// where its namespace became private after that: in every answer, page and count,
// and in the signed catalog. Proves I7 and B4.
func TestAReplacementThatBecamePrivateIsNamedToItsReaders_I7_B4(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Trust = everybodyListed(t) })
	for _, name := range []string{"pubco", "secretco", "midco"} {
		ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": name}, 201)
	}
	member := accountOf(t, s, admin, "mel")
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/secretco/members/person:mel", map[string]any{"role": "reader"}, 204)
	for _, manifest := range []string{
		`{"id": "pubco/tool", "version": "1.0.0", "engines": {"acme-editor": "*"}}`,
		`{"id": "midco/tool", "version": "1.0.0", "engines": {"acme-editor": "*"}}`,
		`{"id": "secretco/vault", "version": "1.0.0", "engines": {"acme-editor": "*"}}`,
	} {
		publish(t, s, admin, manifest)
	}
	deprecate := func(plugin, replacement string, want int) string {
		raw, _ := json.Marshal(ask[any](t, s, admin, "POST", "/api/v1/plugins/"+plugin+"/lifecycle", map[string]any{"move": "deprecate", "reason": "superseded", "replacement": replacement}, want))
		return string(raw)
	}
	deprecate("pubco/tool", "secretco/vault", 200)
	paths := []string{"/api/v1/plugins/pubco/tool", "/api/v1/plugins/pubco/tool/lifecycle", "/api/v1/plugins/pubco/tool/history",
		"/api/v1/plugins?state=deprecated", "/api/v1/plugins/pubco/tool/why?host=acme-editor&host_version=1.0.0", "/plugins/pubco/tool", "/plugins/pubco/tool/1.0.0"}
	said := func(token string) (in []string) {
		for _, path := range paths {
			_, body := statusOf(t, s, token, path, strings.HasPrefix(path, "/plugins"))
			if strings.Contains(body, "vault") {
				in = append(in, path)
			}
		}
		return in
	}
	if got := said(""); len(got) < 3 {
		t.Fatalf("while it is public it is named in %q alone: nothing could be shown by what follows", got)
	}
	shown := said(member)
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/secretco", map[string]any{"private": true}, 200)
	if got := said(""); len(got) > 0 {
		t.Errorf("everybody is told the name of a private plugin by %q", got)
	}
	if got := said(member); strings.Join(got, " ") != strings.Join(shown, " ") {
		t.Errorf("its reader is told it by %q, before by %q", got, shown)
	}
	if p := ask[index.Detail](t, s, "", "GET", "/api/v1/plugins/pubco/tool", nil, http.StatusOK); len(p.Notices) != 1 || p.Notices[0].Move == nil || p.Notices[0].Move.Reason != "superseded" {
		t.Errorf("with the name the notice went: %+v", p.Notices)
	}
	_, signed := published(t, s)
	p, err := signed.Show(t.Context(), mustName(t, "pubco/tool"), index.Query{})
	if raw, _ := json.Marshal(p); err != nil || strings.Contains(string(raw), "vault") || !strings.Contains(string(raw), "superseded") {
		t.Errorf("the signed catalog says %s, %v", raw, err)
	}
	// Who names a plugin whose replacement is hidden from him learns nothing of it.
	stranger := accountOf(t, s, admin, "sam")
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/midco/members/person:sam", map[string]any{"role": "owner"}, 204)
	raw, _ := json.Marshal(ask[any](t, s, stranger, "POST", "/api/v1/plugins/midco/tool/lifecycle", map[string]any{"move": "deprecate", "reason": "superseded", "replacement": "pubco/tool"}, 200))
	if strings.Contains(string(raw), "vault") {
		t.Errorf("a stranger is told %s", raw)
	}
}
