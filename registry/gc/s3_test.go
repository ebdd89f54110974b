package gc_test

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oarlock/oarlock/registry/gc"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// newBucketSite is a site of two replicas over one bucket of the server that
// scripts/s3/test runs. Its client asks them in turn, its collector runs in
// the first.
func newBucketSite(t testing.TB, grace time.Duration) *site {
	endpoint, dir := os.Getenv("OARLOCK_TEST_S3"), os.Getenv("OARLOCK_TEST_S3_DIR")
	if endpoint == "" || dir == "" {
		t.Skip("OARLOCK_TEST_S3 is not set: make s3 runs this against a real S3 server")
	}
	root, locker := strings.ToLower(rand.Text()), storage.NewLocker()
	open := func() *registrytest.Server {
		return registrytest.New(t, registrytest.Free("free"), registrytest.With(func(o *registrytest.Options) {
			o.Driver, o.Replicated, o.Locker = "s3", true, locker
			o.Parameters = map[string]any{
				"bucket": "oarlock", "region": "us-east-1", "regionendpoint": endpoint, "forcepathstyle": true,
				"secure": strings.HasPrefix(endpoint, "https:"), "rootdirectory": "/" + root,
			}
		}))
	}
	x := &site{dir: filepath.Join(dir, root), now: time.Now(), s: open()}
	one, two := newClient(t, x.s.Registry), newClient(t, open().Registry)
	var turn atomic.Int64
	x.client = &client{t, func(r *http.Request) (*http.Response, error) {
		if turn.Add(1)%2 == 0 {
			return one.do(r)
		}
		return two.do(r)
	}}
	x.gc = gc.New(x.s.Storage, x.s.Blocks, x.s, gc.Options{
		Grace: grace, Now: func() time.Time { return x.now }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Item: func(i gc.Item) { x.items = append(x.items, i) }, Memory: &gc.Memory{},
	})
	return x
}

// TestCollectorBesideEverybodyInABucket_B8_B9 is the same over S3, where two
// replicas are pushed to in turn and one of them collects.
func TestCollectorBesideEverybodyInABucket_B8_B9(t *testing.T) {
	t.Parallel()
	x := newStorm(t, newBucketSite(t, time.Nanosecond), 25)
	x.runs = 1 // a run takes long there; those after the storm remove the rest
	x.rage(t)
}
