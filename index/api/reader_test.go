package api_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

const memberToken = "Bearer member"

// visibility hides the plugins of publisher hidden from all but members; one caller
// is somebody of whom it cannot be told.
func visibility(ctx context.Context) (catalog.Visibility, error) {
	switch ctx.Value(tokenKey{}) {
	case memberToken:
		return catalog.Everything(), nil
	case "Bearer unknown":
		return catalog.Visibility{}, errors.New("the store is gone")
	}
	return catalog.Visibility{Class: "public", Sees: func(id artifact.Name) bool { return id.Publisher() != "hidden" }}, nil
}

// needs is a plugin that depends on another one.
func needs(t *testing.T, id, dependency string) catalog.Plugin {
	t.Helper()
	p := plugin(t, id, "1.0.0 >=1")
	on, err := artifact.ParseName(dependency)
	if err != nil {
		t.Fatal(err)
	}
	any, err := artifact.ParseRange("*")
	if err != nil {
		t.Fatal(err)
	}
	p.Versions[0].Plugin.Dependencies = []artifact.Dependency{{ID: on, Range: any}}
	return p
}

// heard is everything that a caller can tell two answers apart by.
type heard struct {
	status          int
	etag, age, vary string
	body            string
}

func (s *site) hear(t *testing.T, method, path, body, token string, header ...string) heard {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Request-Id", "same")
	r.Host = "registry.example.org"
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return heard{resp.StatusCode, resp.Header.Get("ETag"), resp.Header.Get("Cache-Control"), resp.Header.Get("Vary"), string(text)}
}

// I7: whatever is asked, the answer is that of a server which never held the
// private plugins, whoever asked the same before.
func TestPrivatePluginsAreInNoAnswerToOthers_I7(t *testing.T) {
	t.Parallel()
	public := []catalog.Plugin{plugin(t, "acme/hello", "1.0.0 >=1", "1.1.0 >=2"), needs(t, "acme/asks", "hidden/secret")}
	without := newSite(t, public...)
	with := newSite(t, append(public, plugin(t, "hidden/secret", "1.0.0 >=1"))...)
	with.visibility(visibility)
	type question struct{ method, path, body string }
	var all []question
	for _, path := range []string{
		"/plugins", "/plugins?q=secret", "/plugins?q=secre", "/plugins?q=secert", "/plugins?publisher=hidden", "/plugins?facets=publisher,platform,channel,category",
		"/plugins?limit=1", "/plugins?host=acme-editor&host_version=1", "/catalog", "/plugins/hidden/secret", "/plugins/hidden/secret/why",
		"/plugins/hidden/secret/versions/1.0.0", "/plugins/hidden/secret/versions/9.0.0", "/plugins/hidden/secret?host=acme-editor", "/plugins/acme/hello",
		"/plugins/acme/asks/why", "/plugins?generation=1", "/plugins/hidden/secret?generation=1", "/plugins?generation=9",
	} {
		all = append(all, question{"GET", "/api/v1" + path, ""})
	}
	all = append(all,
		question{"POST", "/api/v1/resolve", `{"plugins":[{"id":"hidden/secret"}]}`},
		question{"POST", "/api/v1/resolve", `{"plugins":[{"id":"hidden/secret","range":">=7"}]}`},
		question{"POST", "/api/v1/resolve", `{"plugins":[{"id":"acme/asks"}]}`},
		question{"POST", "/api/v1/resolve", `{"plugins":[{"id":"acme/hello"}],"host":{"id":"acme-editor","version":"1"}}`})
	for _, q := range all {
		want := without.hear(t, q.method, q.path, q.body, "")
		first := with.hear(t, q.method, q.path, q.body, memberToken)
		for round := range 2 { // computed, then kept
			if got := with.hear(t, q.method, q.path, q.body, ""); got != want {
				t.Errorf("%s %s %s, time %d:\n%+v\nexpected\n%+v", q.method, q.path, q.body, round, got, want)
			}
		}
		if again := with.hear(t, q.method, q.path, q.body, memberToken); again != first {
			t.Errorf("%s %s: a member is answered otherwise after somebody else asked", q.method, q.path)
		}
		if strings.Contains(q.path, "hidden/secret") && !strings.Contains(q.path, "9.0.0") && first.status != http.StatusOK {
			t.Errorf("%s %s: a member is answered %d", q.method, q.path, first.status)
		}
	}
}

func TestAnAnswerForOneReaderIsNoOthers_I7(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1"), plugin(t, "hidden/secret", "1.0.0 >=1"))
	s.visibility(visibility)
	own := s.hear(t, "GET", "/api/v1/plugins", "", memberToken)
	if own.age != "private, no-cache" || !strings.Contains(own.vary, "Authorization") || !strings.Contains(own.vary, "Cookie") {
		t.Errorf("to a member: Cache-Control %q, Vary %q", own.age, own.vary)
	}
	if got := s.hear(t, "GET", "/api/v1/plugins", "", "", "If-None-Match", own.etag); got.status != http.StatusOK || got.age != "no-cache" || strings.Contains(got.body, "secret") {
		t.Errorf("to nobody in particular, with a member's tag: %+v", got)
	}
	if got := s.hear(t, "GET", "/api/v1/plugins", "", memberToken, "If-None-Match", own.etag); got.status != http.StatusNotModified {
		t.Errorf("to the member again: %d", got.status)
	}
	for _, path := range []string{"/api/v1/plugins", "/api/v1/plugins/acme/hello", "/api/v1/catalog", "/api/v1/events"} {
		if got := s.hear(t, "GET", path, "", "Bearer unknown"); got.status != http.StatusServiceUnavailable || strings.Contains(got.body, "acme/hello") {
			t.Errorf("%s, where it cannot be told who may read: %+v", path, got)
		}
	}
}

func TestEventsAreSilentAboutWhatIsHidden_I7(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1"))
	s.visibility(visibility)
	resp, err := web.Get(s.URL + "/api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	id := func() string {
		for lines.Scan() {
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				return id
			}
		}
		return "end"
	}
	if got := id(); got != "1" {
		t.Fatalf("first event %s", got)
	}
	s.swap(t, plugin(t, "hidden/secret", "1.0.0 >=1"))
	s.swap(t, plugin(t, "acme/other", "1.0.0 >=1"))
	if got := id(); got != "3" {
		t.Errorf("next event %s, expected that of the public plugin, 3", got)
	}
}
