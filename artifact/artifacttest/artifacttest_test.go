package artifacttest_test

import (
	"context"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/artifacttest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

func TestFixturesAreValidPlugins(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		version artifacttest.Version
		want    string
		builds  int
	}{
		"the zero Version":      {artifacttest.Version{}, "acme/hello@1.0.0", 1},
		"with annotations only": {artifacttest.Version{ID: "acme/bare", Bare: true, Engines: map[string]string{"acme-editor": ">=1"}}, "acme/bare@1.0.0", 1},
		"with two platforms":    {artifacttest.Version{Version: "2.0.0", Platforms: []string{"linux/amd64", "darwin/arm64"}}, "acme/hello@2.0.0", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, root := row.version.Store(t)
			fetch := func(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
				return content.FetchAll(ctx, store, d)
			}
			raw, err := fetch(t.Context(), root)
			if err != nil {
				t.Fatal(err)
			}
			c, err := artifact.ReadContent(t.Context(), root.MediaType, raw, fetch)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Plugin.ID.String() + "@" + c.Plugin.Version.String(); got != row.want || len(c.Builds) != row.builds {
				t.Errorf("%s with %d builds, expected %s with %d", got, len(c.Builds), row.want, row.builds)
			}
			if len(c.Plugin.Engines) != len(row.version.Engines) {
				t.Errorf("engines %v, expected %v", c.Plugin.Engines, row.version.Engines)
			}
		})
	}
}
