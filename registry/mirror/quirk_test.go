package mirror

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/artifacttest"
	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/artifact/quirk"
	"github.com/oarlock/oarlock/registry/remote"
)

// before puts a server in front of s that answers itself where odd says so,
// and whose answers alter changes.
func before(t *testing.T, s site, odd func(http.ResponseWriter, *http.Request) bool, alter func(*http.Response)) string {
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(to)
	pass.ModifyResponse = func(r *http.Response) error { alter(r); return nil }
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !odd(w, r) {
			pass.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	return strings.TrimPrefix(front.URL, "http://")
}

func never(http.ResponseWriter, *http.Request) bool { return false }
func asIs(*http.Response)                           {}

// Proves H3: sources that follow the specification loosely are mirrored whole.
func TestOddSourcesAreMirrored_H3(t *testing.T) {
	t.Parallel()
	refuses := func(status int, part string, method string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			odd := strings.Contains(r.URL.Path, part) && (method == "" || r.Method == method)
			if odd {
				w.WriteHeader(status)
			}
			return odd
		}
	}
	for says, k := range map[string]struct {
		odd   func(http.ResponseWriter, *http.Request) bool
		alter func(*http.Response)
	}{
		"no digest in any answer":    {never, func(r *http.Response) { r.Header.Del("Docker-Content-Digest") }},
		"HEAD is refused":            {refuses(http.StatusMethodNotAllowed, "/manifests/", http.MethodHead), asIs},
		"no size in HEAD":            {never, func(r *http.Response) { zeroLength(r) }},
		"referrers are 400":          {refuses(http.StatusBadRequest, "/referrers/", ""), asIs},
		"referrers are 404":          {refuses(http.StatusNotFound, "/referrers/", ""), asIs},
		"referrers are 405":          {refuses(http.StatusMethodNotAllowed, "/referrers/", ""), asIs},
		"referrers are 406":          {refuses(http.StatusNotAcceptable, "/referrers/", ""), asIs},
		"referrers are 501":          {refuses(http.StatusNotImplemented, "/referrers/", ""), asIs},
		"referrers are a page":       {never, func(r *http.Response) { asPage(r) }},
		"a digest and HEAD, as ours": {never, asIs},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			src, dst := newSite(t), newSite(t)
			hello := src.publish(artifacttest.Version{ID: "acme/hello", Version: "1.0.0"})
			note := src.note("acme/hello", "", "a note", hello.Digest)
			fallback(t, src, "acme/hello", hello, note.String())
			report, err := Run(t.Context(), before(t, src, k.odd, k.alter), dst.Host, Options{From: anonymous, To: anonymous, Repositories: []string{"acme/hello"}})
			if err != nil || !report.Same() {
				t.Fatalf("%+v, %v", report, err)
			}
			if diff := cmp.Diff(src.world()["acme/hello:1.0.0"], dst.world()["acme/hello:1.0.0"]); diff != "" {
				t.Error(diff)
			}
			list, err := dst.Storage.Referrers(t.Context(), "acme/hello", hello.Digest)
			if err != nil || len(list) != 1 || list[0].Digest != note {
				t.Errorf("referrers %v, %v", list, err)
			}
		})
	}
}

func zeroLength(r *http.Response) {
	if r.Request.Method == http.MethodHead {
		r.Header.Set("Content-Length", "0")
		r.ContentLength = 0
	}
}

func asPage(r *http.Response) {
	if strings.Contains(r.Request.URL.Path, "/referrers/") {
		r.Header.Set("Content-Type", "text/html")
	}
}

// fallback writes the referrers tag, as clients of a registry without the
// referrers API do.
func fallback(t *testing.T, s site, repo string, subject ocispec.Descriptor, referrer string) {
	t.Helper()
	list, err := s.Storage.Referrers(t.Context(), repo, subject.Digest)
	if err != nil || len(list) != 1 || list[0].Digest.String() != referrer {
		t.Fatalf("referrers %v, %v", list, err)
	}
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: list}
	index.SchemaVersion = 2
	raw, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	u := s.URL + "/v2/" + repo + "/manifests/" + artifact.DigestTag(subject.Digest, "")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, u, strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", index.MediaType)
	resp, err := web.Do(req)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
}

// A source cannot keep a run going: endless pages of tags end it, and what it
// leads to is looked at like any address that a stranger chose.
func TestASourceCannotKeepARunGoing_H3(t *testing.T) {
	t.Parallel()
	src, dst := newSite(t), newSite(t)
	src.publish(artifacttest.Version{ID: "acme/hello", Version: "1.0.0"})
	var pages atomic.Int64
	endless := before(t, src, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		page := pages.Add(1)
		w.Header().Set("Link", fmt.Sprintf(`<%s?last=%d>; rel="next"`, r.URL.Path, page))
		_, _ = w.Write([]byte(`{"tags":[]}`))
		return true
	}, asIs)
	report, err := Run(t.Context(), endless, dst.Host, Options{From: anonymous, To: anonymous, Repositories: []string{"acme/hello"}})
	if err != nil || len(report.Failed) == 0 || !strings.Contains(report.Failed[0].Detail, "pages") {
		t.Errorf("endless pages: %+v, %v", report, err)
	}
	var asked atomic.Int64
	neighbour := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(neighbour.Close)
	elsewhere := strings.Replace(neighbour.URL, "127.0.0.1", "localhost", 1)
	leads := before(t, src, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}
		return false
	}, asIs)
	o := Options{From: anonymous, To: anonymous, Repositories: []string{"acme/hello"}}
	report, err = Run(t.Context(), leads, dst.Host, o)
	if err != nil || len(report.Failed) == 0 || asked.Load() != 0 {
		t.Errorf("a neighbour was asked %d times: %+v, %v", asked.Load(), report, err)
	}
	o.Reach = outbound.Options{Hosts: []string{"localhost"}}
	if _, err = Run(t.Context(), leads, dst.Host, o); err != nil || asked.Load() == 0 {
		t.Errorf("a neighbour that the operator named was asked %d times: %v", asked.Load(), err)
	}
}

// Proves H3: a source whose lists of referrers have no end, or no list, is said
// to be so once, ends, and never looks like a source without referrers.
func TestReferrersThatNeverEndEndTheRepository_H3(t *testing.T) {
	t.Parallel()
	for says, k := range map[string]struct {
		page string
		next bool
		want string
		most int
	}{
		"lists without end": {`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":[]}`, true, "the list has no end", 1},
		"null for a list":   {`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":null}`, false, `"manifests" is null, expected a list`, 3},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			src, dst := newSite(t), newSite(t)
			for _, v := range []string{"1.0.0", "1.1.0", "1.2.0"} {
				src.publish(artifacttest.Version{ID: "acme/hello", Version: v})
			}
			var pages atomic.Int64
			odd := func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, "/referrers/") {
					return false
				}
				w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
				if n := pages.Add(1); k.next {
					w.Header().Set("Link", fmt.Sprintf("<%s?n=%d>; rel=\"next\"", r.URL.Path, n))
				}
				fmt.Fprint(w, k.page)
				return true
			}
			report, err := Run(t.Context(), before(t, src, odd, asIs), dst.Host, Options{From: anonymous, To: anonymous, Repositories: []string{"acme/hello"}, Parallel: 1})
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Failed) == 0 || len(report.Failed) > k.most || !strings.Contains(report.Failed[0].Detail, k.want) {
				t.Errorf("failed: %v, expected at most %d that say %q", report.Failed, k.most, k.want)
			}
			if pages.Load() > 100 {
				t.Errorf("%d pages were asked for", pages.Load())
			}
			if report.Listed < 3 {
				t.Errorf("%d entries of lists were told", report.Listed)
			}
		})
	}
}

// Proves H3: all referrers of a repository together are bounded too.
func TestAllReferrersTogetherAreBounded_H3(t *testing.T) {
	t.Parallel()
	src := newSite(t)
	hello := src.publish(artifacttest.Version{ID: "acme/hello", Version: "1.0.0"})
	src.note("acme/hello", "", "a note", hello.Digest)
	r := &run{o: Options{Parallel: 1, From: anonymous, To: anonymous}}
	c := &repo{r: r, name: "acme/hello", listed: maxReferrers, held: map[digest.Digest]bool{}, bad: map[digest.Digest]error{}}
	var err error
	if c.src, _, err = remote.Open(src.Host+"/acme/hello", anonymous); err != nil {
		t.Fatal(err)
	}
	if _, err = c.referrers(t.Context(), []ocispec.Descriptor{hello}); !errors.Is(err, quirk.ErrEndless) || !strings.Contains(err.Error(), "referrers in one repository") {
		t.Errorf("one more than the bound: %v", err)
	}
	c.listed = 0
	if found, err := c.referrers(t.Context(), []ocispec.Descriptor{hello}); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}
