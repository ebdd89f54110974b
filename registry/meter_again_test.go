package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// full is the quota of a namespace without room for more than it has.
type full struct {
	mu    sync.Mutex
	asked int64
}

func (f *full) BeginUpload(context.Context, registry.Access) (registry.Meter, error) { return f, nil }
func (f *full) End(int64)                                                            {}
func (f *full) Take(_ context.Context, n int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked += n
	return fmt.Errorf("quota: no room for %d bytes: %w", n, artifact.ErrDenied)
}

// Proves B7: the digest of a blob that is held is a word that saves no bytes:
// that blob can be pushed again where there is no room, and nothing else can.
func TestABlobThatIsHeldIsPushedAgainAndLeavesNothingElse_B7(t *testing.T) {
	t.Parallel()
	dir := registrytest.Dir(t.TempDir())
	held := bytes.Repeat([]byte("held "), 1<<20)
	var d digest.Digest
	t.Run("push", func(t *testing.T) { d = newClient(t, registrytest.New(t, dir)).blob("acme/hello", held).Digest })
	quota := &full{}
	s := registrytest.New(t, dir, registrytest.With(func(o *registrytest.Options) { o.Uploads = quota }))
	c := newClient(t, s)
	kept := func() int64 {
		t.Helper()
		u, err := s.Storage.Usage(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		return u.Uploads
	}
	c.want(c.putBlob("acme/hello", held, d), http.StatusCreated)
	c.want(c.send("POST", "/v2/acme/hello/blobs/uploads/?digest="+d.String(), held), http.StatusCreated)
	if quota.asked != 0 {
		t.Errorf("room for %d bytes was asked for what is held", quota.asked)
	}
	larger := append(bytes.Clone(held), bytes.Repeat([]byte("more"), 1<<20)...)
	a := c.putBlob("acme/hello", larger, d)
	if a.status < 400 || quota.asked == 0 {
		t.Errorf("more than the blob: %d, room was asked for %d bytes", a.status, quota.asked)
	}
	c.want(c.putBlob("acme/hello", bytes.Repeat([]byte("other"), 1<<20), d), http.StatusBadRequest)
	for _, method := range []string{"PUT", "POST"} {
		path := "/v2/acme/hello/blobs/uploads/?digest=" + d.String()
		if method == "PUT" {
			path = c.at(c.start("acme/hello"), "digest", d.String())
		}
		cut(t, s, method, path, len(held), held[:4<<20])
	}
	if n := kept(); n != 0 {
		t.Errorf("%d bytes stay of uploads that nobody asked room for", n)
	}
}

// Proves B7: the same blob in many requests at once is counted: what comes
// without room being asked for is never more than what is held.
func TestABlobThatIsHeldComesAgainOnce_B7(t *testing.T) {
	t.Parallel()
	dir := registrytest.Dir(t.TempDir())
	held := bytes.Repeat([]byte("held "), 1<<20)
	var d digest.Digest
	t.Run("push", func(t *testing.T) { d = newClient(t, registrytest.New(t, dir)).blob("acme/hello", held).Digest })
	quota := &full{}
	s := registrytest.New(t, dir, registrytest.With(func(o *registrytest.Options) { o.Uploads = quota }))
	c := newClient(t, s)
	conn, err := net.Dial("tcp", s.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	path := strings.TrimPrefix(c.at(c.start("acme/hello"), "digest", d.String()), s.URL)
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", path, s.Host, len(held), held[:2<<20])
	if !eventually(t, func() bool { u, err := s.Storage.Usage(t.Context(), "acme"); return err == nil && u.Uploads > 0 }) {
		t.Fatal("the first request stored nothing")
	}
	a := c.putBlob("acme/hello", held, d)
	if a.status != http.StatusForbidden || quota.asked == 0 {
		t.Errorf("a second one at the same time: %d, room was asked for %d bytes", a.status, quota.asked)
	}
}

// eventually asks is until it holds, at most for as long as a slow machine needs.
func eventually(t *testing.T, is func() bool) bool {
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("too slow"))
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
