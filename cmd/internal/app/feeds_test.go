package app

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
	"testing"
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
