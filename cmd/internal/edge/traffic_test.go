package edge

import (
	"net/http/httptest"
	"testing"
)

func TestRegistryRoutesAreFew_K4(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v2": "base", "/v2/": "base", "/v2/acme/hello/manifests/1.0.0": "manifest", "/v2/acme/hello/blobs/sha256:aa": "blob",
		"/v2/acme/hello/blobs/uploads/": "upload", "/v2/acme/hello/blobs/uploads": "upload", "/v2/acme/hello/blobs/uploads/id": "upload",
		"/v2/acme/hello/tags/list": "tags", "/v2/acme/hello/referrers/sha256:aa": "referrers", "/v2/_catalog": "other",
		"/v2/blobs/uploads/manifests/1.0.0": "manifest", "/v2/what/ever": "other", "/v2//": "other",
	} {
		r := httptest.NewRequest("GET", "http://x"+path, nil)
		got := RegistryRoute(r)
		if _, known := RegistryRoutes[got]; got != want || !known {
			t.Errorf("%s: %s, expected %s", path, got, want)
		}
	}
}
