package quirk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
)

// A registry that names pages without end is left after a few of them, and an
// honest one is read to its end.
func TestListsEndHoweverARegistryPages(t *testing.T) {
	t.Parallel()
	body := func(path string, entries int) string {
		switch {
		case strings.Contains(path, "/tags/"):
			return `{"name":"acme/tool","tags":[` + strings.TrimSuffix(strings.Repeat(`"1.0.0",`, entries), ",") + `]}`
		case strings.Contains(path, "_catalog"):
			return `{"repositories":[` + strings.TrimSuffix(strings.Repeat(`"acme/tool",`, entries), ",") + `]}`
		}
		one := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":2},`, ocispec.MediaTypeImageManifest, digest.FromString("x"))
		return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, ocispec.MediaTypeImageIndex, strings.TrimSuffix(strings.Repeat(one, entries), ","))
	}
	lists := map[string]func(context.Context, string, *int) error{
		"tags": func(ctx context.Context, host string, n *int) error {
			return quirk.Tags(ctx, repository(t, host), func(page []string) error { *n += len(page); return nil })
		},
		"referrers": func(ctx context.Context, host string, n *int) error {
			return quirk.Referrers(ctx, repository(t, host), ocispec.Descriptor{Digest: digest.FromString("s")}, func(page []ocispec.Descriptor) error { *n += len(page); return nil })
		},
		"repositories": func(ctx context.Context, host string, n *int) error {
			r, err := remote.NewRegistry(host)
			if err != nil {
				return err
			}
			r.PlainHTTP = true
			return quirk.Repositories(ctx, r, func(page []string) error { *n += len(page); return nil })
		},
	}
	for name, ways := range map[string]struct {
		next    func(page int64) string // the query of the next page, or none
		entries int                     // on each page
		want    int                     // entries, or -1: refused
		asks    int64                   // at most
	}{
		"the page itself":        {func(int64) string { return "same" }, 0, -1, 3},
		"the page itself, full":  {func(int64) string { return "same" }, 2, -1, 3},
		"two pages in a circle":  {func(page int64) string { return fmt.Sprint(page % 2) }, 1, -1, 4},
		"other pages, all empty": {func(page int64) string { return fmt.Sprint(page) }, 0, -1, 70},
		"five pages":             {func(page int64) string { return map[bool]string{true: fmt.Sprint(page)}[page < 5] }, 3, 15, 5},
	} {
		for what, list := range lists {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				var asked atomic.Int64
				s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if next := ways.next(asked.Add(1)); next != "" {
						w.Header().Set("Link", fmt.Sprintf("<%s?n=%s>; rel=\"next\"", r.URL.Path, next))
					}
					w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
					if asked.Load() > 200 {
						w.WriteHeader(http.StatusGone)
					}
					fmt.Fprint(w, body(r.URL.Path, ways.entries))
				}))
				defer s.Close()
				n := 0
				err := list(t.Context(), strings.TrimPrefix(s.URL, "http://"), &n)
				switch {
				case asked.Load() > ways.asks:
					t.Errorf("%d pages were asked for, want at most %d: %v", asked.Load(), ways.asks, err)
				case ways.want >= 0 && (err != nil || n != ways.want):
					t.Errorf("%d entries and %v, want %d", n, err, ways.want)
				case ways.want < 0 && !errors.Is(err, artifact.ErrInvalid):
					t.Errorf("%v, want invalid", err)
				}
			})
		}
	}
}

func repository(t *testing.T, host string) *remote.Repository {
	t.Helper()
	r, err := remote.NewRepository(host + "/acme/tool")
	if err != nil {
		t.Fatal(err)
	}
	r.PlainHTTP = true
	quirk.Bound(r)
	return r
}
