package remote_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/artifacttest"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/remote"
)

// TestTheStateOfACutPublicationCanBeAsked_B13 cuts a push of two platforms at
// every request: before it is sent, in the middle of its body, and when it was
// answered and the answer got lost. What is there can be asked, by whoever has
// the files and by whoever has not, and the same push finishes it.
func TestTheStateOfACutPublicationCanBeAsked_B13(t *testing.T) {
	t.Parallel()
	for how, at := range map[string]cutAt{"before the request": beforeRequest, "in its body": inBody, "after the answer": afterAnswer} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			server := registrytest.New(t)
			o := remote.Options{Credential: anonymous}
			one, err := artifact.ParseVersion("1.0.0")
			if err != nil {
				t.Fatal(err)
			}
			states := map[remote.State]int{}
			for after, whole := 0, false; !whole; after++ {
				if after > 100 {
					t.Fatal("no push came through uncut")
				}
				id := fmt.Sprintf("acme/hello-%d", after)
				ref := server.Host + "/" + id + ":1.0.0"
				src, root := artifacttest.Version{ID: id, Platforms: []string{"linux/amd64", "darwin/arm64"}}.Store(t)
				cut := remote.Options{Credential: anonymous, Concurrency: 1, HTTPClient: &http.Client{Transport: &cutting{left: after, at: at}}}
				pushed := remote.Push(t.Context(), src, root, ref, cut)
				whole = pushed == nil
				p, err := remote.Status(t.Context(), src, root, ref, o)
				if err != nil {
					t.Fatal(err)
				}
				states[p.State]++
				site, err := server.Storage.Publication(t.Context(), id, one)
				if err != nil {
					t.Fatal(err)
				}
				if (p.State == remote.Complete) != site.Whole || p.Tagged != site.Tagged {
					t.Errorf("cut at %d: the client says %s of %q, the registry %+v", after, p.State, p.Tagged, site)
				}
				if pushed == nil && p.State != remote.Complete {
					t.Errorf("cut at %d: pushed, and %s", after, p.State)
				}
				manifests := 0
				for _, part := range p.Parts {
					if part.Present && part.Kind != "blob" {
						manifests++
					}
				}
				if manifests != len(site.Parts) {
					t.Errorf("cut at %d: the client sees %d manifests, the registry %+v", after, manifests, site.Parts)
				}
				if err := remote.Push(t.Context(), src, root, ref, o); err != nil {
					t.Errorf("again, after a cut at %d: %v", after, err)
				}
				if p, err := remote.Status(t.Context(), src, root, ref, o); err != nil || p.State != remote.Complete || len(p.Missing()) != 0 {
					t.Errorf("finished after a cut at %d: %+v, %v", after, p, err)
				}
			}
			if states[remote.Absent] == 0 || states[remote.Partial] < 5 || states[remote.Complete] == 0 {
				t.Errorf("the cuts left %v", states)
			}
		})
	}
}

func TestStatusNamesATagThatMeansSomethingElse_B13(t *testing.T) {
	t.Parallel()
	server := registrytest.New(t, registrytest.InMemory())
	o := remote.Options{Credential: anonymous}
	src, root := version(t, "acme/hello", "one")
	other, otherRoot := version(t, "acme/hello", "two")
	ref := server.Host + "/acme/hello:1.0.0"
	if err := remote.Push(t.Context(), src, root, ref, o); err != nil {
		t.Fatal(err)
	}
	p, err := remote.Status(t.Context(), other, otherRoot, ref, o)
	if err != nil || p.State != remote.Taken || p.Tagged != root.Digest || len(p.Missing()) == 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := remote.Status(t.Context(), other, otherRoot, "127.0.0.1:1/acme/hello:1.0.0", o); err == nil || errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a registry that is not there: %v", err)
	}
}

type cutAt int

const (
	beforeRequest cutAt = iota
	inBody
	afterAnswer
)

// cutting lets some requests pass and breaks every later one somewhere.
type cutting struct {
	mu   sync.Mutex
	left int
	at   cutAt
}

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.left--
	first, cut := c.left == -1, c.left < 0
	c.mu.Unlock()
	lost := errors.New("cut")
	switch {
	case !cut:
		return web.Transport.RoundTrip(r)
	case !first || c.at == beforeRequest:
		return nil, lost
	case c.at == inBody && r.Body != nil && r.ContentLength > 1:
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), failing{lost}))
	}
	resp, err := web.Transport.RoundTrip(r)
	if err == nil {
		err = errors.Join(lost, resp.Body.Close())
	}
	return nil, err
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
