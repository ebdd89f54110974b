package registry

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
)

// nameGrammar is the regular expression of the specification, written there
// and not here.
var nameGrammar = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

func FuzzParseRoute(f *testing.F) {
	for _, s := range []string{
		"/v2/", "/v2", "/v2/acme/hello/manifests/1.0.0", "/v2/a/b/c/blobs/sha256:" + strings.Repeat("a", 64),
		"/v2/acme/hello/blobs/uploads/", "/v2/acme/hello/blobs/uploads/5f0a9f2e-7d52-4d71-8e4f-000000000000",
		"/v2/manifests/manifests/manifests/manifests", "/v2/a//manifests/x", "/v2/acme/hello/tags/list",
		"/v2/acme/hello/referrers/sha512:" + strings.Repeat("0", 128), "/v2/../../etc/manifests/passwd", "/v2/a\x00b/tags/list",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r, err := parseRoute(path)
		if err != nil {
			var no *errcode.Refusal
			if !errors.As(err, &no) || no.Status < 400 || no.Status > 499 || len(no.Errors) == 0 {
				t.Fatalf("%q: %v is no refusal", path, err)
			}
			return
		}
		if r.kind == routeBase {
			return
		}
		if !nameGrammar.MatchString(r.repo) || len(r.repo) > storage.MaxRepository {
			t.Errorf("%q: repository %q breaks the grammar", path, r.repo)
		}
		if r.digest != "" && r.digest.Validate() != nil {
			t.Errorf("%q: digest %q", path, r.digest)
		}
		if r.kind == routeManifest && r.digest == "" && r.badTag == nil && !storage.IsTag(r.tag) {
			t.Errorf("%q: tag %q", path, r.tag)
		}
		if strings.ContainsAny(r.upload, "/.") {
			t.Errorf("%q: upload %q", path, r.upload)
		}
	})
}

func FuzzCheckRepository(f *testing.F) {
	for _, s := range []string{"a", "a/b", "a__b", "a___b", "a-_b", "a.-b", "a--b", "-a", "a-", "A", "a//b", "ä"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := nameGrammar.MatchString(s) && len(s) <= storage.MaxRepository
		if got := storage.CheckRepository(s) == nil; got != want {
			t.Errorf("%q: got %t, the specification's expression says %t", s, got, want)
		}
	})
}

func FuzzParseContentRange(f *testing.F) {
	for _, s := range []string{"0-0", "0-1023", "5-4", "-1", "1-", "bytes 0-1/2", "9999999999999999999-9999999999999999999"} {
		f.Add(s)
	}
	grammar := regexp.MustCompile(`^[0-9]+-[0-9]+$`)
	f.Fuzz(func(t *testing.T, s string) {
		first, last, err := parseContentRange(s)
		if err == nil && (!grammar.MatchString(s) || first < 0 || last < first || last-first+1 <= 0) {
			t.Errorf("%q: %d-%d", s, first, last)
		}
	})
}

func FuzzParsePage(f *testing.F) {
	for _, s := range []string{"n=1", "n=0&last=x", "n=-1", "last=%zz", "n=99999999999999999999", "n=1&n=2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		p, err := parsePage(q, 10)
		if err != nil {
			return
		}
		if p.n > 10 || p.n < -1 {
			t.Errorf("%q: n=%d", query, p.n)
		}
		link := p.next("/v2/a/b/tags/list", p.last, nil)
		target, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
		u, err := url.Parse(target)
		if err != nil || u.Query().Get("last") != p.last {
			t.Errorf("%q: link %q does not come back to %q: %v", query, link, p.last, err)
		}
	})
}

func FuzzPushManifest(f *testing.F) {
	f.Add("application/vnd.oci.image.manifest.v1+json", []byte(`{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}`))
	f.Add("application/vnd.oci.image.index.v1+json", []byte(`{"schemaVersion":2,"manifests":[{"platform":null}]}`))
	f.Add("application/vnd.docker.distribution.manifest.list.v2+json", []byte(`{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[]}`))
	f.Add("", []byte(`{"mediaType":1}`))
	g := opened(f, inMemory(), Options{Namespaces: Prefixes(map[string]Settings{"free": {FreeTags: true}})})
	f.Fuzz(func(t *testing.T, contentType string, content []byte) {
		for _, path := range []string{"/v2/free/x/manifests/one", "/v2/acme/hello/manifests/1.0.0"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPut, path, strings.NewReader(string(content)))
			r.Header.Set("Content-Type", contentType)
			g.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%s, %q, %q: status %d: %s", path, contentType, content, w.Code, w.Body)
			}
		}
	})
}
