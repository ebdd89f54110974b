package registry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// counted stands before the S3 server and notes what is asked of it.
type counted struct {
	mu    sync.Mutex
	asked []string
}

func (c *counted) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.asked
	c.asked = nil
	return out
}

// before gives the address of a proxy to the S3 server.
func (c *counted) before(t *testing.T, endpoint string) string {
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // it is signed
	}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A replica looks for blocks by the clock, whatever is read.
		if uri := r.URL.RequestURI(); !strings.Contains(uri, "oarlock/blocks") && !strings.Contains(uri, "oarlock%2Fblocks") {
			c.mu.Lock()
			c.asked = append(c.asked, r.Method+" "+uri)
			c.mu.Unlock()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestReadsAskTheBucketSparingly_B9: every request to a bucket costs time and
// money, so what a read costs there is held.
func TestReadsAskTheBucketSparingly_B9(t *testing.T) {
	t.Parallel()
	with, asked := onS3(t), &counted{}
	endpoint := asked.before(t, os.Getenv("OARLOCK_TEST_S3"))
	open := func(redirect bool) *client {
		return newClient(t, registrytest.New(t, registrytest.Free("free"), registrytest.With(func(o *registrytest.Options) {
			with(o)
			parameters := map[string]any{}
			for k, v := range o.Parameters {
				parameters[k] = v
			}
			parameters["regionendpoint"] = endpoint
			o.Parameters, o.Replicated, o.Locker, o.Redirect = parameters, true, storage.NewLocker(), redirect
		})))
	}
	c := open(false)
	large, small := c.blob("free/x", []byte(strings.Repeat("oar", 50_000))), c.blob("free/x", []byte("small"))
	m := c.pushed("free/x", "one", image(nil))
	for i := range 8 {
		c.refer("free/x", m.Digest, "application/a", fmt.Sprint(i))
	}
	c, signed := open(false), open(true)
	asked.take()
	for _, step := range []struct {
		what string
		most int
		path string
		by   *client
	}{
		{"a large blob", 4, "/v2/free/x/blobs/" + large.Digest.String(), c},
		{"a large blob by a signed URL, its own request included", 4, "/v2/free/x/blobs/" + large.Digest.String(), signed},
		{"a small blob", 4, "/v2/free/x/blobs/" + small.Digest.String(), c},
		{"a small blob again", 1, "/v2/free/x/blobs/" + small.Digest.String(), c},
		{"a manifest by tag", 3, "/v2/free/x/manifests/one", c},
		{"a manifest by tag again", 2, "/v2/free/x/manifests/one", c},
		{"a manifest by digest again", 1, "/v2/free/x/manifests/" + m.Digest.String(), c},
		{"8 referrers", 10, "/v2/free/x/referrers/" + m.Digest.String(), c},
		{"8 referrers again", 2, "/v2/free/x/referrers/" + m.Digest.String(), c},
	} {
		step.by.want(step.by.send("GET", step.path, nil), http.StatusOK)
		if got := asked.take(); len(got) > step.most {
			t.Errorf("%s: %d requests, want %d at most:\n%s", step.what, len(got), step.most, strings.Join(got, "\n"))
		} else {
			t.Logf("%s: %d requests", step.what, len(got))
		}
	}
}
