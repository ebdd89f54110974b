package registry_test

import (
	"testing"

	"github.com/oarlock/oarlock/registry"
)

// A path is read by one grammar: what metrics call a request is what the
// registry takes it for.
func TestRoutesHaveFewNames_K4(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v2": "base", "/v2/": "base", "/v2/acme/hello/manifests/1.0.0": "manifest", "/v2/acme/hello/blobs/sha256:aa": "blob",
		"/v2/acme/hello/blobs/uploads/": "upload", "/v2/acme/hello/blobs/uploads": "upload", "/v2/acme/hello/blobs/uploads/id": "upload",
		"/v2/acme/hello/tags/list": "tags", "/v2/acme/hello/referrers/sha256:aa": "referrers", "/v2/_catalog": "other",
		"/v2/blobs/uploads/manifests/1.0.0": "manifest", "/v2/what/ever": "other", "/v2//": "other", "/v2/acme/hello/tags/other": "other",
		"/v3/": "other", "": "other", "v2/": "other",
	} {
		if got := registry.RouteName(path); got != want {
			t.Errorf("%q: %s, expected %s", path, got, want)
		}
	}
}
