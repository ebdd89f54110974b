package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/block"
)

// Proves E12 and C9 for blocks: a version that may not be pulled is no answer,
// the one before it is offered, why names the reason, and all is back once the
// block ends. The catalog built anew says the same.
func TestWhatIsBlockedIsNoAnswer_E12_C9(t *testing.T) {
	t.Parallel()
	s, _ := start(t, configured(t))
	const plugin = `{"id":"acme/hello","version":"%v","engines":{"acme-editor":"*"}}`
	for _, v := range []string{"1.0.0", "1.1.0"} {
		publish(t, s, "", strings.Replace(plugin, "%v", v, 1))
	}
	settled := func() {
		t.Helper()
		if err := s.index.ingest.Settled(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	newest := func() string {
		t.Helper()
		settled()
		page := ask[index.Page](t, s, "", "GET", "/api/v1/plugins", nil, http.StatusOK)
		if len(page.Items) == 0 {
			return "none"
		}
		return page.Items[0].Version
	}
	reasons := func() string {
		t.Helper()
		why := ask[index.Why](t, s, "", "GET", "/api/v1/plugins/acme/hello/why", nil, http.StatusOK)
		var out []string
		for _, v := range why.Versions {
			for _, r := range v.Reasons {
				out = append(out, v.Version+" "+r.Code+" "+r.Detail)
			}
		}
		return strings.Join(out, "\n")
	}
	shut := func(reference string) {
		t.Helper()
		ask[index.Block](t, s, "", "POST", "/api/v1/admin/blocks", index.BlockRequest{Repository: "acme/hello", Reference: reference, Code: "bad", Reason: "steals keys"}, http.StatusOK)
	}
	if got := newest(); got != "1.1.0" {
		t.Fatalf("before: %s", got)
	}
	shut("1.1.0")
	if got := newest(); got != "1.0.0" {
		t.Errorf("with 1.1.0 blocked the answer is %s, expected 1.0.0", got)
	}
	if got := reasons(); !strings.Contains(got, "1.1.0 blocked blocked: steals keys, since ") || !strings.Contains(got, "by admin:dev") {
		t.Errorf("why says:\n%s", got)
	}
	v := ask[index.VersionDetail](t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/1.1.0", nil, http.StatusOK)
	if v.State != index.VersionBlocked || v.Pending == nil {
		t.Errorf("the version shows state %q, %+v", v.State, v.Pending)
	}
	ask[any](t, s, "", "POST", "/api/v1/resolve", index.ResolveRequest{Plugins: []index.Want{{ID: "acme/hello", Range: "=1.1.0"}}}, http.StatusConflict)
	if built := ask[index.Rebuilt](t, s, "", "POST", "/api/v1/admin/rebuild?check=true", nil, http.StatusOK); !built.Agrees {
		t.Errorf("built anew the catalog differs: %v", built.Differences)
	}
	shut("")
	if got := newest(); got != "none" {
		t.Errorf("with the repository blocked the answer is %s", got)
	}
	for _, b := range []block.Block{{Repository: "acme/hello"}, {Repository: "acme/hello", Digest: v.Digest}} {
		if err := s.stored.Blocks.Unblock(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if got, why := newest(), reasons(); got != "1.1.0" || strings.Contains(why, "blocked") {
		t.Errorf("after: %s\n%s", got, why)
	}
}
