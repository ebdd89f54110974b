package quirk_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
)

// Proves H3, G1: a page that has no list is not an empty list, but where a
// registry in use says so.
func TestAPageWithoutItsListIsNoEmptyList_H3(t *testing.T) {
	t.Parallel()
	for body, refused := range map[string]struct{ tags, repositories, referrers bool }{
		`{"name":"acme/tool","tags":null,"repositories":null,"schemaVersion":2,"manifests":null}`: {false, true, true},
		`{"tags":null}`: {true, true, true},
		`{}`:            {true, true, true},
		`{"errors":[]}`: {true, true, true},
		`{"name":"acme/tool","tags":[],"repositories":[],"schemaVersion":2,"manifests":[]}`: {false, false, false},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
				fmt.Fprint(w, body)
			}))
			t.Cleanup(s.Close)
			host := strings.TrimPrefix(s.URL, "http://")
			registry, err := remote.NewRegistry(host)
			if err != nil {
				t.Fatal(err)
			}
			registry.PlainHTTP = true
			none := func([]string) error { return nil }
			for what, got := range map[string]struct {
				err     error
				refused bool
			}{
				"tags":         {quirk.Tags(t.Context(), repository(t, host), none), refused.tags},
				"repositories": {quirk.Repositories(t.Context(), registry, none), refused.repositories},
				"referrers": {quirk.Referrers(t.Context(), repository(t, host), ocispec.Descriptor{Digest: digest.FromString("s")},
					func([]ocispec.Descriptor) error { return nil }), refused.referrers},
			} {
				if (got.err != nil) != got.refused || got.refused && (!errors.Is(got.err, artifact.ErrInvalid) || !strings.Contains(got.err.Error(), "expected a list")) {
					t.Errorf("%s: %v, refused is %v", what, got.err, got.refused)
				}
			}
		})
	}
}
