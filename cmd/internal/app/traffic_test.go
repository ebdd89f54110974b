package app

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/edge"
	"github.com/oarlock/oarlock/registry"
)

// K4: pulls, pushes, refusals by code, bytes and latency by route.
func TestTrafficIsMeasured_K4(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	pushAs(t, s, admin, 1)
	if err := tryPush(t, s, "oar_wrong", 2); err == nil {
		t.Fatal("a stranger pushed")
	}
	for _, path := range []string{"/v2/acme/p1/manifests/1.1.0", "/v2/acme/p1/manifests/9.0.0"} {
		r, err := http.NewRequest("GET", s.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("ci", admin)
		resp, err := visitor.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	resp, err := visitor.Get(s.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`oarlock_registry_pulls_total{kind="manifest"} 1`, `oarlock_registry_pushes_total{kind="manifest"} 1`, `oarlock_registry_pushes_total{kind="blob"} 2`,
		`oarlock_http_refusals_total{code="MANIFEST_UNKNOWN",part="registry"}`, `oarlock_http_refusals_total{code="UNAUTHORIZED",part="registry"}`,
		`oarlock_http_request_seconds_count{part="registry",route="manifest"}`, `oarlock_http_bytes_total{direction="in",part="registry",route="upload"}`,
		`oarlock_http_bytes_total{direction="out",part="registry",route="manifest"}`, "go_gc_gomemlimit_bytes", "process_resident_memory_bytes",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(string(text), `direction="in",part="registry",route="upload"} 0`) {
		t.Error("no byte of an upload is counted")
	}
	if t.Failed() {
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "oarlock_") && !strings.Contains(line, "bucket") {
				t.Log(line)
			}
		}
	}
}

// Each endpoint of the registry is one that metrics know.
func TestRoutesOfTheRegistryAreMeasured_K4(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v2/", "/v2/a/b/manifests/1", "/v2/a/b/blobs/x", "/v2/a/b/blobs/uploads/", "/v2/a/b/tags/list", "/v2/a/b/referrers/x", "/v2/_catalog", "/v2/x"} {
		name := registry.RouteName(path)
		if _, known := edge.RegistryRoutes[name]; !known {
			t.Errorf("%s is %q, which is not measured", path, name)
		}
	}
}
