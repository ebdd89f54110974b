package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

// do sends one request to the handler.
func do(t testing.TB, g *Registry, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	g.ServeHTTP(w, r)
	return w
}

// discardWriter is a client that reads everything and keeps nothing.
type discardWriter struct{ h http.Header }

func (d *discardWriter) Header() http.Header         { return d.h }
func (d *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (d *discardWriter) WriteHeader(int)             {}

func benchRegistry(b *testing.B) (g *Registry, blob, manifest digest.Digest) {
	b.Helper()
	g = opened(b, onDisk(b.TempDir()), Options{Guards: AdmitAllUnsafe(), Namespaces: func(string) Settings { return Settings{FreeTags: true} }})
	content := strings.Repeat("x", 20<<10)
	blob = digest.FromString(content)
	do(b, g, "POST", "/v2/acme/hello/blobs/uploads/?digest="+blob.String(), content)
	text := benchManifest(blob, "")
	manifest = digest.FromString(text)
	if w := do(b, g, "PUT", "/v2/acme/hello/manifests/1.0.0", text); w.Code != 201 {
		b.Fatal(w.Code, w.Body)
	}
	return g, blob, manifest
}

func benchManifest(blob, subject digest.Digest, n ...int) string {
	text := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"a/b","digest":%q,"size":20480},"layers":[]`, blob)
	if subject != "" {
		text += fmt.Sprintf(`,"subject":{"mediaType":"a/b","digest":%q,"size":1}`, subject)
	}
	return text + fmt.Sprintf(`,"annotations":{"n":"%v"}}`, n)
}

func BenchmarkGet(b *testing.B) {
	g, blob, manifest := benchRegistry(b)
	for i := range 1000 {
		do(b, g, "PUT", "/v2/acme/hello/manifests/"+digest.FromString(benchManifest(blob, manifest, i)).String(), benchManifest(blob, manifest, i))
	}
	for name, path := range map[string]string{
		"manifest-by-digest": "/v2/acme/hello/manifests/" + manifest.String(),
		"manifest-by-tag":    "/v2/acme/hello/manifests/1.0.0",
		"blob-20kB":          "/v2/acme/hello/blobs/" + blob.String(),
		"referrers-1000":     "/v2/acme/hello/referrers/" + manifest.String(),
		"referrers-none":     "/v2/acme/hello/referrers/" + blob.String(),
		"tags":               "/v2/acme/hello/tags/list",
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", path, nil)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					g.ServeHTTP(&discardWriter{h: http.Header{}}, r)
				}
			})
		})
	}
}

func BenchmarkPush(b *testing.B) {
	g, _, _ := benchRegistry(b)
	n := 0
	for b.Loop() {
		n++
		content := fmt.Sprintf("%d%s", n, strings.Repeat("x", 20<<10))
		d := digest.FromString(content)
		session := do(b, g, "POST", "/v2/acme/pushed/blobs/uploads/", "").Header().Get("Location")
		if w := do(b, g, "PUT", session+"&digest="+d.String(), content); w.Code != 201 {
			b.Fatal(w.Code, w.Body)
		}
		if w := do(b, g, "PUT", fmt.Sprintf("/v2/acme/pushed/manifests/%d.0.0", n), benchManifest(d, "", n)); w.Code != 201 {
			b.Fatal(w.Code, w.Body)
		}
	}
}
