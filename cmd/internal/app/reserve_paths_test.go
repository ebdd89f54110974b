package app

import (
	"net/http/httptest"
	"testing"
)

// Proves E4: what stops a plugin or a version works on a full disk.
func TestWhatStopsAPluginIsAnActOfSafety_E4(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/v1/plugins/acme/hello/lifecycle", "/api/v1/plugins/acme/hello/versions/1.0.0/yank", "/api/v1/admin/blocks"} {
		if !matches(safety, httptest.NewRequest("POST", path, nil)) {
			t.Errorf("POST %s waits for room", path)
		}
	}
}

// What passes without a look at the lists is in none that asks for more.
func TestAPlainReadIsNoActOfSafety(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"} {
		for _, path := range []string{"/", "/v2/", "/v2/a/b/manifests/1.0.0", "/api/v1/plugins", "/api/v1/tokens/7", "/api/v1/admin/fsck",
			"/api/v1/admin/gc", "/api/v1/admin/blocks", "/api/v1/namespaces/a", "/api/v1/resolve", "/log/checkpoint"} {
			r := httptest.NewRequest(method, path, nil)
			if plainRead(r) && (matches(safety, r) || !matches(questions, r)) {
				t.Errorf("%s %s is taken for a plain read", method, path)
			}
		}
	}
	if !plainRead(httptest.NewRequest("GET", "/v2/a/b/blobs/sha256:00", nil)) {
		t.Error("the read of a blob is looked up in the lists")
	}
}
