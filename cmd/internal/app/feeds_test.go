package app

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/mirror"
	"github.com/oarlock/oarlock/registry/remote"
)

// feedOf reads the titles and ids of a feed as somebody.
func feedOf(t *testing.T, s *Server, token, path string, want int) (titles, ids []string, resp *http.Response) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.SetBasicAuth("reader", token)
	}
	resp, body := answerTo(t, r)
	if resp.StatusCode != want {
		t.Fatalf("%s: %s, want %d: %s", path, resp.Status, want, body)
	}
	if want != http.StatusOK {
		return nil, nil, resp
	}
	if strings.HasSuffix(path, ".json") {
		var f struct{ Items []struct{ ID, Title string } }
		if err := json.Unmarshal([]byte(body), &f); err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Items {
			titles, ids = append(titles, i.Title), append(ids, i.ID)
		}
		return titles, ids, resp
	}
	var f struct {
		Entries []struct {
			ID    string `xml:"id"`
			Title string `xml:"title"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(body), &f); err != nil {
		t.Fatal(err)
	}
	for _, e := range f.Entries {
		titles, ids = append(titles, e.Title), append(ids, e.ID)
	}
	return titles, ids, resp
}

// Proves K2 and E8: what happens to a plugin is in its feed, its publisher's and
// the site's, with the same ids, also after the server was started anew.
func TestFeedsTellWhatHappened_K2_E8(t *testing.T) {
	t.Parallel()
	c := configured(t)
	s, stop := start(t, c)
	pushAs(t, s, "", 1)
	ask[any](t, s, "", "POST", "/api/v1/plugins/acme/p1/lifecycle", map[string]any{"move": "deprecate", "reason": "superseded", "text": "Use another."}, http.StatusOK)
	ask[any](t, s, "", "POST", "/api/v1/plugins/acme/p1/lifecycle", map[string]any{"move": "undeprecate"}, http.StatusOK)
	want := []string{"acme/p1 is no longer deprecated", "acme/p1 is deprecated", "acme/p1 1.1.0"}
	var before []string
	for _, path := range []string{"/feeds/plugins/acme/p1.atom", "/feeds/publishers/acme.json", "/feeds/site.atom"} {
		titles, ids, _ := feedOf(t, s, "", path, http.StatusOK)
		if !slices.Equal(titles, want) || before != nil && !slices.Equal(ids, before) {
			t.Errorf("%s: %q %q, before %q", path, titles, ids, before)
		}
		before = ids
	}
	for path, feed := range map[string]string{"/": "/feeds/site.atom", "/plugins/acme/p1": "/feeds/plugins/acme/p1.atom", "/publishers/acme": "/feeds/publishers/acme.atom", "/plugins/acme/p1/1.1.0": "/feeds/plugins/acme/p1.atom"} {
		if _, page := askAs(t, s, "GET", path, s.Addr(), map[string]string{"Accept": "text/html"}); !strings.Contains(page, `<link rel="alternate" type="application/atom+xml" title="What is new" href="`+feed+`">`) {
			t.Errorf("%s does not name %s", path, feed)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	s, _ = start(t, c)
	if _, ids, _ := feedOf(t, s, "", "/feeds/site.atom", http.StatusOK); !slices.Equal(ids, before) {
		t.Errorf("after a new start: %q, before %q", ids, before)
	}
}

// Proves B9 and K2: the feed of what is private asks for a login, also where there
// is nothing, and shows it to none but its members.
func TestPrivateFeedsAreBehindALogin_B9_K2(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	member, other := accountOf(t, s, admin, "member"), accountOf(t, s, admin, "other")
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme", "private": true}, 201)
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:member", map[string]any{"role": "maintainer"}, http.StatusNoContent)
	pushAs(t, s, admin, 1)
	for _, path := range []string{"/feeds/plugins/acme/p1.atom", "/feeds/publishers/acme.json", "/feeds/plugins/no/where.atom"} {
		if _, _, resp := feedOf(t, s, "", path, http.StatusUnauthorized); !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s asks for %q", path, resp.Header.Get("WWW-Authenticate"))
		}
		feedOf(t, s, other, path, http.StatusNotFound)
	}
	for token, want := range map[string]int{"": 0, other: 0, member: 1} {
		if titles, _, _ := feedOf(t, s, token, "/feeds/site.atom", http.StatusOK); len(titles) != want {
			t.Errorf("the feed of the site tells %q, want %d", titles, want)
		}
	}
	for _, path := range []string{"/feeds/plugins/acme/p1.atom", "/feeds/publishers/acme.json"} {
		titles, _, resp := feedOf(t, s, member, path, http.StatusOK)
		if len(titles) != 1 || !strings.Contains(resp.Header.Get("Cache-Control"), "private") {
			t.Errorf("%s to a member: %q, %v", path, titles, resp.Header)
		}
	}
}

// Proves E13 and K2: until when a plugin is looked after, and what happened to it, is
// the same at a mirror that trusts where it comes from, down to the ids.
func TestAMirrorSaysTheSameEndOfLife_E13_K2(t *testing.T) {
	t.Parallel()
	from, admin := startGuarded(t, unsignedListed(t))
	ask[any](t, from, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	pushAs(t, from, admin, 1)
	ask[any](t, from, admin, "POST", "/api/v1/plugins/acme/p1/lifecycle", map[string]any{"move": "deprecate", "reason": "superseded", "end_of_life": "2099-01-02T00:00:00Z"}, http.StatusOK)
	key := ask[index.PlatformKeyList](t, from, "", "GET", "/api/v1/platform-keys", nil, http.StatusOK).Items[0]
	dir := t.TempDir()
	trusted := filepath.Join(dir, "trust.yaml")
	text := "platforms:\n  - name: there\n    key: {file: there.pub}\nnamespaces:\n  \"*\": {signature: optional}\n"
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "there.pub"), []byte(key.PEM), 0o600), os.WriteFile(trusted, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	to, token := startGuarded(t, func(c *config.Config) { c.Trust = trusted })
	login := func(s *Server, token string) remote.Options {
		return remote.Options{HTTPClient: visitor, Credential: orasauth.StaticCredential(s.Addr(), orasauth.Credential{Username: "x", Password: token})}
	}
	ask[any](t, to, token, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	got, err := mirror.Run(t.Context(), from.Addr(), to.Addr(), mirror.Options{From: login(from, admin), To: login(to, token), Repositories: []string{"acme/*"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := to.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	const path = "/api/v1/plugins/acme/p1/openeox"
	there, here := ask[index.EndOfLife](t, from, "", "GET", path, nil, 200), ask[index.EndOfLife](t, to, "", "GET", path, nil, 200)
	if there != here || there.EndOfLife != "2099-01-02T00:00:00Z" {
		t.Errorf("at the source %+v, at the mirror %+v; %+v", there, here, got)
	}
	_, source, _ := feedOf(t, from, "", "/feeds/plugins/acme/p1.atom", http.StatusOK)
	_, copied, _ := feedOf(t, to, "", "/feeds/plugins/acme/p1.atom", http.StatusOK)
	slices.Sort(source) // a version came to the mirror after the statement was made
	slices.Sort(copied)
	if len(source) != 2 || !slices.Equal(source, copied) {
		t.Errorf("ids at the source %q, at the mirror %q", source, copied)
	}
}
