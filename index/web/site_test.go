package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/web"
)

type site struct {
	*httptest.Server
	readme string
}

func (s *site) Config(context.Context, artifact.Name, *catalog.Version) (*artifact.Plugin, error) {
	return &artifact.Plugin{Readme: s.readme}, nil
}

// newSite serves the pages over the API of a catalog made in code. A reader
// without the cookie "member" does not know of what hidden publishes.
func newSite(t *testing.T, plugins ...catalog.Plugin) *site {
	t.Helper()
	s := &site{readme: "# Hello\n\nThis is **it**."}
	live := catalog.NewLive(catalog.LiveOptions{})
	if _, err := live.Swap(live.Current().Snapshot.With(plugins, nil)); err != nil {
		t.Fatal(err)
	}
	served := api.New(api.Options{
		Live: live, Engine: engine{s}, Ready: func() error { return nil },
		Authorize: func(context.Context, api.Action, string) error { return artifact.ErrDenied },
		Visibility: func(ctx context.Context) (catalog.Visibility, error) {
			if ctx.Value(memberKey{}) == true {
				return catalog.Everything(), nil
			}
			return catalog.Visibility{Class: "public", Sees: func(id artifact.Name) bool { return id.Publisher() != "hidden" }}, nil
		},
	})
	pages := web.New(web.Options{Catalog: served.Pages(), Version: "test"})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := r.Cookie("member")
		pages.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), memberKey{}, err == nil)))
	}))
	t.Cleanup(s.Close)
	return s
}

type memberKey struct{}

// engine answers for readmes; the pages ask for nothing else.
type engine struct{ *site }

func (engine) RemoveChannel(context.Context, artifact.Name, string) (index.RemovedChannel, error) {
	return index.RemovedChannel{}, nil
}

func (engine) Promote(context.Context, artifact.Name, artifact.Version, string) (index.Promotion, error) {
	return index.Promotion{}, artifact.ErrDenied
}
func (engine) Rebuild(context.Context, bool) (index.Rebuilt, error) {
	return index.Rebuilt{}, artifact.ErrDenied
}
func (engine) Fsck(context.Context, func(index.Damage)) error { return artifact.ErrDenied }
func (engine) Collect(context.Context, bool, func(index.Garbage)) (index.Collection, error) {
	return index.Collection{}, artifact.ErrDenied
}

func plugin(t *testing.T, id, title string, versions ...string) catalog.Plugin {
	t.Helper()
	name, err := artifact.ParseName(id)
	if err != nil {
		t.Fatal(err)
	}
	host, err := artifact.ParseHostID("acme-editor")
	if err != nil {
		t.Fatal(err)
	}
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := catalog.Plugin{ID: name}
	for _, line := range versions {
		text, engines, _ := strings.Cut(line, " ")
		v, err := artifact.ParseVersion(text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := artifact.ParseRange(engines)
		if err != nil {
			t.Fatal(err)
		}
		p.Versions = append(p.Versions, catalog.Version{
			Version: v, Digest: digest.FromString(id + text), MediaType: "application/vnd.oci.image.manifest.v1+json", ArtifactType: artifact.TypePlugin,
			Config: digest.FromString("config"), Signature: index.Signature{Status: index.SignatureVerified, Signer: "acme-2026"},
			Plugin: &artifact.Plugin{ID: name, Version: v, Title: title, Description: "About " + title, Created: &made,
				Engines: map[artifact.HostID]artifact.Range{host: r}, Categories: []string{"tools"}},
		})
	}
	return p
}

func (s *site) get(t *testing.T, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "plugins.example.org"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := visitor.Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

var paths = []string{"/", "/?q=hello", "/?category=tools", "/?sort=name", "/plugins/acme/hello", "/plugins/acme/hello/1.1.0",
	"/plugins/acme/hello/compare", "/plugins/acme/hello/compare?from=1.0.0&to=1.1.0", "/publishers", "/publishers/acme"}

// Proves L5: every page is whole, small, asks nobody else for anything and has
// nothing inline.
func TestPages_L5(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "Hello", "1.0.0 >=1 <2", "1.1.0 >=2"), plugin(t, "acme/other", "Other", "0.1.0 *"))
	foreign := regexp.MustCompile(`(?i)\b(src|href|action)="?(https?:)?//|<style|\sstyle=|\son[a-z]+=|javascript:`)
	for _, path := range paths {
		r, body := s.get(t, path)
		if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.Header.Get("Content-Type"))
		}
		if found := foreign.FindString(body); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
		if csp := r.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if len(body) > 100_000 || !strings.HasSuffix(strings.TrimSpace(body), "</html>") {
			t.Errorf("%s: %d bytes that end in %.20q", path, len(body), body[max(0, len(body)-20):])
		}
		if again, _ := s.get(t, path, "If-None-Match", r.Header.Get("Etag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s asked again with its ETag: %d", path, again.StatusCode)
		}
	}
}

// TestPagesAnswerJSON: the same paths answer the words of the API.
func TestPagesAnswerJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "Hello", "1.0.0 >=1"))
	for path, want := range map[string]string{"/": `"items"`, "/plugins/acme/hello": `"versions"`, "/plugins/acme/hello/1.0.0": `"reference"`,
		"/publishers/acme": `"items"`, "/plugins/acme/none": `"code":"plugin_not_found"`} {
		r, body := s.get(t, path, "Accept", "application/json")
		if !strings.Contains(r.Header.Get("Content-Type"), "json") || !json.Valid([]byte(body)) || !strings.Contains(body, want) {
			t.Errorf("%s: %s %.200s", path, r.Header.Get("Content-Type"), body)
		}
	}
}

// Proves I7 for pages: what a reader may not know of is answered byte for byte
// like what is not there, in every list and under its own name.
func TestPrivatePluginsAreOnNoPage_I7(t *testing.T) {
	t.Parallel()
	public := plugin(t, "acme/hello", "Hello", "1.0.0 >=1", "1.1.0 >=2")
	without := newSite(t, public)
	with := newSite(t, public, plugin(t, "hidden/secret", "Secret", "1.0.0 >=99"))
	for _, path := range append([]string{"/plugins/hidden/secret", "/plugins/hidden/secret/1.0.0", "/plugins/hidden/secret/compare", "/publishers/hidden",
		"/badge/hidden/secret.svg", "/?q=secret", "/?publisher=hidden"}, paths...) {
		for _, accept := range []string{"text/html", "application/json"} {
			a, want := without.get(t, path, "Accept", accept)
			b, got := with.get(t, path, "Accept", accept)
			if a.StatusCode != b.StatusCode || want != got {
				t.Errorf("%s as %s: %d\n%s\nexpected %d\n%s", path, accept, b.StatusCode, got, a.StatusCode, want)
			}
		}
	}
	for header, want := range map[string]string{"Cookie": "private, no-cache", "Accept-Language": "no-cache"} {
		if r, _ := with.get(t, "/badge/hidden/secret.svg", header, "member=1"); r.Header.Get("Cache-Control") != want || !strings.Contains(r.Header.Get("Vary"), "Cookie") {
			t.Errorf("a badge for %s may be kept as %q by %q", header, r.Header.Get("Cache-Control"), r.Header.Get("Vary"))
		}
	}
	if r, body := with.get(t, "/plugins/hidden/secret", "Cookie", "member=1"); r.StatusCode != http.StatusOK || !strings.Contains(body, "Secret") ||
		r.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("a member: %d %s", r.StatusCode, r.Header.Get("Cache-Control"))
	}
}

// Proves K1 for pages: a page repeats its question in every link, so that a
// long one would be answered with its square.
func TestALongQuestionIsNotRepeated_K1(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "Hello", "1.0.0 >=1"))
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("c%d", i)
	}
	for path, want := range map[string]int{
		"/?category=" + strings.Join(many, ","):                           http.StatusBadRequest,
		"/?category=" + strings.Join(many, "&category="):                  http.StatusBadRequest,
		"/?publisher=" + strings.Join(many[:100], ","):                    http.StatusBadRequest, // short, and of more values than a filter takes
		"/?x=" + strings.Repeat("a", 10_000):                              http.StatusBadRequest,
		"/?category=" + strings.Join(many[:64], ","):                      http.StatusOK,
		"/?category=tools&publisher=acme&q=" + strings.Repeat("hello", 9): http.StatusOK,
	} {
		r, body := s.get(t, path)
		if r.StatusCode != want || len(body) > 300_000 {
			t.Errorf("%.40s: %d with %d bytes, expected %d", path, r.StatusCode, len(body), want)
		}
	}
}

// TestHostileText: what a publisher writes stays text.
func TestHostileText(t *testing.T) {
	t.Parallel()
	hostile := `<script>alert(1)</script><img src=x onerror=alert(1)>"'><svg onload=alert(1)>` + "\u202e"
	s := newSite(t, plugin(t, "acme/hello", hostile, "1.0.0 *"), plugin(t, "acme/long", strings.Repeat("very-long-name", 700), "1.0.0 *"))
	s.readme = hostile + "\n\n[click](javascript:alert(1)) [data](data:text/html,x) ![p](https://elsewhere.example/p.png)\n\n<form action=/host><input name=host></form>\n\n" +
		`<div id="main" class="top" hx-get="/" style="color:red">text</div>` + "\n\n[good](https://example.org/)"
	bad := regexp.MustCompile(`(?i)<script>|<img src=x|<svg onload|javascript:|data:text|elsewhere\.example|<form action=./host.><input|hx-get="/" style|class="top" hx`)
	for _, path := range []string{"/", "/?q=hello", "/plugins/acme/hello", "/plugins/acme/hello/1.0.0", "/plugins/acme/long", "/publishers/acme", "/badge/acme/hello.svg"} {
		_, body := s.get(t, path)
		if found := bad.FindString(body); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
	}
	_, body := s.get(t, "/plugins/acme/hello")
	if !strings.Contains(body, `<a rel="nofollow ugc noopener" href="https://example.org/">good</a>`) {
		t.Error("a good link of the readme is gone")
	}
	r, body := s.get(t, "/?host=a&host_version=%3Cscript%3E")
	if r.StatusCode != http.StatusBadRequest || strings.Contains(body, "<script>") {
		t.Errorf("a bad question: %d", r.StatusCode)
	}
}

// Proves C2 and C9 for pages: with a host chosen only what fits is shown, and
// the page of a plugin says why not.
func TestChosenHost_C2_C9(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "Hello", "1.0.0 >=1 <2", "1.1.0 >=2"), plugin(t, "acme/late", "Late", "1.0.0 >=5"))
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Transport: visitor.Transport, Jar: jar}
	choose := func(v url.Values) (string, int) {
		resp, err := c.PostForm(s.URL+"/host", v)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), resp.StatusCode
	}
	body, code := choose(url.Values{"host": {"acme-editor"}, "host_version": {"1.5"}, "back": {"/?sort=name&host=old"}})
	if code != 200 || strings.Contains(body, "acme/late") || !strings.Contains(body, `<span class="version">1.0.0</span>`) {
		t.Errorf("after the choice: %d\n%s", code, body)
	}
	resp, err := c.Get(s.URL + "/plugins/acme/late")
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(page), "no version fits") || !strings.Contains(string(page), `id="why"`) {
		t.Errorf("a plugin that does not fit: %d (%v)\n%s", resp.StatusCode, err, page)
	}
	if _, code := choose(url.Values{"host": {"acme-editor"}, "host_version": {"nonsense"}}); code != http.StatusBadRequest {
		t.Errorf("a bad version: %d", code)
	}
	for _, back := range []string{"//evil.example/", "https://evil.example/", `/\evil.example`, "evil", "javascript:alert(1)"} {
		stay := &http.Client{Transport: visitor.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		r, err := stay.PostForm(s.URL+"/host", url.Values{"back": {back}})
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if to := r.Header.Get("Location"); to != "/" {
			t.Errorf("back to %q goes to %q", back, to)
		}
	}
	if body, _ := choose(url.Values{"clear": {"1"}, "back": {"/"}}); !strings.Contains(body, "acme/late") {
		t.Error("after clearing, not everything is shown")
	}
}
