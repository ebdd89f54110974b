package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/oarlock/oarlock/index/catalog"
)

// FuzzQuestion: whatever is asked, the answer is an answer or a refusal that
// says what is wrong, never a fault of the server.
func FuzzQuestion(f *testing.F) {
	for _, q := range []string{"", "q=hello&limit=3&facets=category", "host=acme-editor&host_version=v2", "cursor=AQ", "generation=-1",
		"limit=99999999999999999999", "platform=linux/amd64&channel=stable", "q=%ff%00", "verified=true&verified=false", "a;b=c&%zz"} {
		f.Add("/api/v1/plugins", q)
	}
	f.Add("/api/v1/plugins/acme/hello/versions/1.0.0%2Bbuild", "")
	f.Add("/api/v1/plugins/acme%2Fhello/why/..", "")
	s := New(Options{Live: catalog.NewLive(catalog.LiveOptions{}), Ready: func() error { return nil }})
	f.Fuzz(func(t *testing.T, path, query string) {
		u := &url.URL{Path: path, RawQuery: query}
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
		r.URL = u
		w := httptest.NewRecorder()
		if path == "/api/v1/events" {
			return // it ends with the server only
		}
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s: %d %s", u, w.Code, w.Body)
		}
	})
}
