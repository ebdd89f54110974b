package registry_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/block"
)

// Proves K1: every walk through indexes goes to each manifest once, although
// 2^40 paths lead to the last one.
func TestIndexesThatNameTheNextTwiceAreWalkedOnce_K1(t *testing.T) {
	t.Parallel()
	x := newKept(t, -1)
	const repo = "acme/deep"
	leaf := x.c.pushed(repo, "", image(nil))
	top := leaf
	for i := range 40 {
		top = x.c.pushed(repo, "", index(func(l *ocispec.Index) { l.Annotations = map[string]string{"level": fmt.Sprint(i)} }, top, top))
	}
	lost := x.c.blob(repo, []byte("lost"))
	if err := os.Remove(x.at(lost.Digest)); err != nil {
		t.Fatal(err)
	}
	x.c.want(x.c.get(repo, "blobs", lost.Digest.String()), http.StatusNotFound) // something of the site is known to be missing

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ask := func(method, path string) int {
		req, err := http.NewRequestWithContext(ctx, method, x.c.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := x.c.do(req)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := ask("HEAD", "/v2/"+repo+"/manifests/"+top.Digest.String()); got != http.StatusOK {
		t.Errorf("HEAD of a whole graph: %d", got)
	}
	tag := "sha256-" + digest.FromString("something").Encoded()
	x.c.pushed(repo, tag, x.c.get(repo, "manifests", top.Digest.String()).body)
	for _, d := range []digest.Digest{leaf.Digest, top.Digest} {
		if got := ask("DELETE", "/v2/"+repo+"/manifests/"+d.String()); got != http.StatusMethodNotAllowed {
			t.Errorf("DELETE of what a tag reaches: %d", got)
		}
	}
	if _, err := x.s.Blocks.Block(ctx, block.Block{Repository: repo, Digest: leaf.Digest}); err != nil {
		t.Fatal(err)
	}
	if got := ask("GET", "/v2/"+repo+"/manifests/"+top.Digest.String()); got != http.StatusOK {
		t.Errorf("GET beside a block: %d", got)
	}
}
