package api_test

import (
	"net/http"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// Proves C4, E4: a parameter that comes twice is no choice of the server's.
func TestAParameterThatComesTwiceIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2"))
	for query, want := range map[string]int{"?limit=1&q=hello": 200, "?limit=1&limit=2": 400, "?q=a&limit=1&q=a": 400} {
		r := s.do(t, "GET", plugins+query, "")
		if r.StatusCode != want || want == http.StatusBadRequest && read[index.Problem](t, r).Code != "invalid_parameter" {
			t.Errorf("%s: %d %s", query, r.StatusCode, r.body)
		}
	}
	if r := s.do(t, "DELETE", "/api/v1/plugins/acme/hello?reason=legal&reason=broken", ""); r.StatusCode != http.StatusBadRequest {
		t.Errorf("a deletion with two reasons: %d %s", r.StatusCode, r.body)
	}
}
