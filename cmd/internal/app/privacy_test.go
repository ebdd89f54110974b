package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	resp, err := visitor.Do(r)
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

// A stream of events ends with the rights of who reads it: what changes in a
// private namespace is told to no member of yesterday, and nothing to a credential
// that was revoked. Proves I7.
func TestEventsEndWithTheRightToThem_I7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Trust = everybodyListed(t) })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "secretco", "private": true}, 201)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0"}`)
	publish(t, s, admin, `{"id": "secretco/vault", "version": "1.0.0"}`)
	member := accountOf(t, s, admin, "mel")
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/secretco/members/person:mel", map[string]any{"role": "reader"}, 204)
	made := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/tokens", map[string]any{"label": "ci", "namespace": "secretco", "scopes": []string{"repository:secretco/*:pull"}, "expires_at": soon()}, 201)
	digest := func(token string) string {
		return ask[index.Summary](t, s, token, "GET", "/api/v1/catalog", nil, 200).CatalogDigest.String()
	}
	private, public := digest(member), digest("")
	ofMember, ofRobot := eventsOf(t, s, member), eventsOf(t, s, made.Secret)
	if a, b := ofMember(), ofRobot(); a != private || b != private || private == public {
		t.Fatalf("at first a member is told of %s and a robot of %s, expected %s", a, b, private)
	}
	ask[any](t, s, admin, "DELETE", "/api/v1/namespaces/secretco/members/person:mel", nil, 204)
	ask[any](t, s, admin, "DELETE", "/api/v1/tokens/"+made.ID, nil, 204)
	publish(t, s, admin, `{"id": "secretco/vault", "version": "1.1.0"}`)
	if got := ofMember(); got != public {
		t.Errorf("who was a member is told of %s, everybody may know of %s", got, public)
	}
	if got := ofRobot(); got != "" {
		t.Errorf("a token that was revoked is told of %s", got)
	}
}

// eventsOf follows the catalog: each call is the digest of the next generation that is
// told, "" once the stream ended. What happened to plugins is told beside it, when it
// is known, and is passed over.
func eventsOf(t *testing.T, s *Server, token string) func() string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := visitor.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	return func() string {
		event := ""
		for lines.Scan() {
			if name, is := strings.CutPrefix(lines.Text(), "event: "); is {
				event = name
			}
			if data, is := strings.CutPrefix(lines.Text(), "data: "); is && event == "generation" {
				var stamp index.Stamp
				if err := json.Unmarshal([]byte(data), &stamp); err != nil {
					t.Error(err)
				}
				return stamp.CatalogDigest.String()
			}
		}
		return ""
	}
}

// Every answer that was computed before a namespace became private is another
// after it: pages of an old generation, answers that a client holds by ETag, access
// tokens, lists and metrics. Proves I7.
func TestNothingComputedBeforeIsAnsweredAfter_I7(t *testing.T) {
	t.Parallel()
	s, admin := twoPublishers(t)
	anonymous := accessToken(t, s, "", "repository:secretco/vault:pull")
	version := ask[index.Detail](t, s, "", "GET", "/api/v1/plugins/secretco/vault", nil, 200)
	list := ask[index.Page](t, s, "", "GET", "/api/v1/plugins?limit=1&sort=name", nil, 200)
	const v2 = "/v2/secretco/vault"
	paths := []string{"/api/v1/plugins", "/api/v1/plugins?sort=name&limit=1&cursor=" + url.QueryEscape(list.NextCursor), fmt.Sprintf("/api/v1/plugins?generation=%d", list.Generation),
		"/api/v1/plugins?q=vault", "/api/v1/plugins/secretco/vault", fmt.Sprintf("/api/v1/plugins/secretco/vault?generation=%d", list.Generation),
		"/api/v1/plugins/secretco/vault/versions/1.0.0", "/api/v1/plugins/secretco/vault/why", "/api/v1/plugins/secretco/vault/lifecycle", "/api/v1/plugins/secretco/vault/history",
		"/api/v1/plugins/secretco/vault/versions/1.0.0/proof", "/api/v1/publishers/secretco", "/api/v1/catalog",
		"/", "/plugins/secretco/vault", "/plugins/secretco/vault/1.0.0", "/publishers", "/publishers/secretco", "/badge/secretco/vault.svg",
		v2 + "/manifests/1.0.0", v2 + "/manifests/" + version.Digest.String(), v2 + "/tags/list", v2 + "/referrers/" + version.Digest.String(), "/metrics", "/readyz"}
	type answer struct {
		status     int
		body, etag string
	}
	get := func(path, etag string) answer {
		header := []string{"If-None-Match", etag, "Accept", "*/*"}
		if strings.HasPrefix(path, "/v2/") {
			header = append(header, "Authorization", "Bearer "+anonymous)
		}
		status, h, body := fetched(t, s, "", "GET", path, header...)
		return answer{status, body, h.Get("ETag")}
	}
	before := map[string]answer{}
	for _, path := range paths {
		if before[path] = get(path, ""); before[path].status != 200 {
			t.Errorf("while it is public %s is %d %s", path, before[path].status, before[path].body)
		}
	}
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/secretco", map[string]any{"private": true}, 200)
	for _, path := range paths {
		was, now := before[path], get(path, before[path].etag)
		told := strings.Contains(now.body, "vault") && !strings.Contains(path, "vault") || strings.Contains(now.body, version.Digest.Encoded())
		mustGo := strings.Contains(path, "secretco") && !strings.HasPrefix(path, "/badge")
		if told || now.status == http.StatusNotModified && was.etag != "" || mustGo && now.status < 400 {
			t.Errorf("once it is private %s is %d %s", path, now.status, now.body)
		}
	}
	if badge, none := get("/badge/secretco/vault.svg", "").body, get("/badge/secretco/nobody.svg", "").body; badge != none {
		t.Errorf("its badge is %s, that of what is not there %s", badge, none)
	}
	for from, status := range map[string]int{"secretco/vault": http.StatusAccepted, "acme/hello": http.StatusCreated} {
		layer := ask[ocispec.Manifest](t, s, admin, "GET", "/v2/"+from+"/manifests/1.0.0", nil, 200).Layers[0].Digest
		robot := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/tokens", map[string]any{"label": strings.ReplaceAll(from, "/", "-"), "namespace": "acme", "scopes": []string{"repository:acme/*:pull,push"}, "expires_at": soon()}, 201).Secret
		if got, _, body := fetched(t, s, robot, "POST", "/v2/acme/other/blobs/uploads/?from="+from+"&mount="+layer.String()); got != status {
			t.Errorf("what a stranger knows of %s is mounted: %d %s", from, got, body)
		}
	}
}
