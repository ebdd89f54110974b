package gc_test

import (
	"net/http"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestUnchangedRepositoriesAreNotReadAgain_B8: a run reads what was changed
// since the last one or has come of age, and nothing else.
func TestUnchangedRepositoriesAreNotReadAgain_B8(t *testing.T) {
	t.Parallel()
	for says, k := range map[string]struct {
		do        func(x *site, layer, m ocispec.Descriptor)
		later     time.Duration
		unchanged int // of two repositories
	}{
		"nothing happened":        {func(*site, ocispec.Descriptor, ocispec.Descriptor) {}, time.Minute, 2},
		"time made something old": {func(*site, ocispec.Descriptor, ocispec.Descriptor) {}, 2 * time.Hour, 0},
		"a pull":                  {func(x *site, _, m ocispec.Descriptor) { x.get("free/x", "manifests", m.Digest.String()) }, time.Minute, 2},
		"a push":                  {func(x *site, _, _ ocispec.Descriptor) { x.push("free/x", "two", image("two", "")) }, time.Minute, 1},
		"a blob":                  {func(x *site, _, _ ocispec.Descriptor) { x.blob("free/x", "more") }, time.Minute, 1},
		"a mount": {func(x *site, layer, _ ocispec.Descriptor) {
			x.want(x.send("POST", "/v2/free/x/blobs/uploads/?from=acme/other&mount="+layer.Digest.String(), nil, ""), http.StatusCreated)
		}, time.Minute, 1},
		"a delete": {func(x *site, _, m ocispec.Descriptor) {
			x.want(x.send("DELETE", "/v2/free/x/manifests/"+m.Digest.String(), nil, ""), http.StatusAccepted)
		}, time.Minute, 1},
		"a tag": {func(x *site, _, m ocispec.Descriptor) {
			if err := x.s.SetChannel(x.t.Context(), "free/x", "edge", m.Digest); err != nil {
				x.t.Fatal(err)
			}
		}, time.Minute, 1},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			x := newSite(t)
			layer := x.blob("acme/other", "layer")
			x.push("acme/other", "1.0.0", plugin("acme/other", "1.0.0", layer))
			m := x.push("free/x", "one", image("m", ""))
			first := x.run(0, false)
			if first.Unchanged != 0 {
				t.Errorf("%d unchanged in the first run", first.Unchanged)
			}
			k.do(x, layer, m)
			second := x.run(k.later, false)
			if second.Unchanged != k.unchanged {
				t.Errorf("%d of %d repositories were left unread, want %d", second.Unchanged, second.Repositories, k.unchanged)
			}
			if k.unchanged == 2 && (second.ManifestsKept != first.ManifestsKept || second.BlobsKept != first.BlobsKept) {
				t.Errorf("kept %d manifests and %d blobs, %d and %d before", second.ManifestsKept, second.BlobsKept, first.ManifestsKept, first.BlobsKept)
			}
			x.want(x.get("acme/other", "manifests", "1.0.0"), http.StatusOK)
			x.want(x.get("acme/other", "blobs", layer.Digest.String()), http.StatusOK)
		})
	}
}
