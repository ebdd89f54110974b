package registry_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// heralds are two replicas over a bucket that tell one another of blocks.
func heralds(t *testing.T, store *bucket) (a, b *registrytest.Server) {
	var other atomic.Pointer[registrytest.Server]
	open := func(announce func(context.Context, []byte) error, locker storage.Locker) *registrytest.Server {
		return registrytest.New(t, store.on(), registrytest.With(func(o *registrytest.Options) {
			o.Replicated, o.Locker, o.Announce = true, locker, announce
		}))
	}
	locker := storage.NewLocker()
	a = open(func(_ context.Context, notice []byte) error { return other.Load().Blocks.HearBlock(notice) }, locker)
	b = open(nil, locker)
	other.Store(b)
	return a, b
}

// TestABlockDoesNotWaitForASlowBucket_K7: a bucket that holds back every write
// of a block holds back no refusal, at no replica, of what the block covers too.
func TestABlockDoesNotWaitForASlowBucket_K7(t *testing.T) {
	t.Parallel()
	store := newBucket(t)
	a, b := heralds(t, store)
	one, two := newClient(t, a), newClient(t, b)
	const repo = "acme/hello"
	one.blob(repo, emptyConfig)
	layer := one.blob(repo, []byte("bad"))
	content := plugin(repo, "1.0.0", "")
	content.Layers = []ocispec.Descriptor{layer}
	m := one.pushed(repo, "1.0.0", content)
	two.want(two.get(repo, "manifests", "1.0.0"), http.StatusOK)
	free := make(chan struct{})
	release := sync.OnceFunc(func() { close(free) })
	t.Cleanup(release)
	writing := make(chan struct{}, 16)
	store.meets(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/oarlock/blocks") {
			writing <- struct{}{}
			<-free
		}
		return false
	})
	done := make(chan error, 1)
	go func() {
		_, err := a.Blocks.Block(t.Context(), block.Block{Repository: repo, Digest: m.Digest, Reason: "bad"})
		done <- err
	}()
	<-writing
	for _, c := range []*client{one, two} {
		c.refused(c.get(repo, "manifests", "1.0.0"), http.StatusForbidden, "DENIED")
		c.refused(c.get(repo, "blobs", layer.Digest.String()), http.StatusForbidden, "DENIED")
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := a.Blocks.Unblock(t.Context(), block.Block{Repository: repo, Digest: m.Digest}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for two.get(repo, "manifests", "1.0.0").status != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("the block did not end at the other replica")
		}
	}
}

// TestAnEndedBlockIsMadeAgain_K7: what an ended block leaves behind blocks
// nothing, is not listed, cannot be ended again, and takes the next block.
func TestAnEndedBlockIsMadeAgain_K7(t *testing.T) {
	t.Parallel()
	onFenced(t, func(t *testing.T, where registrytest.Option) {
		open := func() *registrytest.Server {
			return registrytest.New(t, where, registrytest.With(func(o *registrytest.Options) { o.Replicated, o.Locker = true, storage.NewLocker() }))
		}
		a, b := open(), open()
		target := block.Block{Repository: "acme/hello", Code: "one"}
		for range 3 { // a record ends, and the next replaces what is left of it
			if _, err := a.Blocks.Block(t.Context(), target); err != nil {
				t.Fatal(err)
			}
			if err := b.Blocks.Unblock(t.Context(), target); err != nil {
				t.Fatal(err)
			}
			if err := a.Blocks.Unblock(t.Context(), target); err == nil {
				t.Error("what is not blocked was unblocked")
			}
			if list, err := b.Blocks.Blocked(t.Context()); err != nil || len(list) != 0 {
				t.Errorf("%v, %v", list, err)
			}
		}
	})
}

// TestASlowBucketDoesNotShutReads_K7: while a replica hears the others, a bucket
// that says nothing of blocks shuts no read; without them, it does.
func TestASlowBucketDoesNotShutReads_K7(t *testing.T) {
	t.Parallel()
	store := newBucket(t)
	a, b := heralds(t, store)
	const repo = "acme/hello"
	one := newClient(t, a)
	one.blob(repo, emptyConfig)
	one.pushed(repo, "1.0.0", plugin(repo, "1.0.0", ""))
	looks := make(chan struct{})
	store.meets(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "blocks-epoch") {
			select {
			case looks <- struct{}{}:
			case <-t.Context().Done():
			}
		}
		return false
	})
	<-looks
	b.Blocks.BlocksMissed() // as when it begins to listen
	pulse, stop := context.WithCancel(t.Context())
	defer stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	silent := make(chan struct{})
	go func() {
		defer close(silent)
		for {
			select {
			case at := <-tick.C:
				b.Blocks.BlocksHeard(at)
			case <-pulse.Done():
				return
			}
		}
	}()
	for range 16 { // more than both need to read all
		<-looks
	}
	ended := make(chan struct{})
	defer close(ended)
	store.meets(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.RequestURI(), "blocks") {
			<-ended
		}
		return false
	})
	for deadline := time.Now().Add(20 * time.Second); one.get(repo, "manifests", "1.0.0").status != http.StatusServiceUnavailable; {
		if time.Now().After(deadline) {
			t.Fatal("who hears nobody and reads nothing goes on serving")
		}
	}
	two := newClient(t, b)
	two.want(two.get(repo, "manifests", "1.0.0"), http.StatusOK)
	stop()
	<-silent // or what is heard last would come after what was missed
	b.Blocks.BlocksMissed()
	two.refused(two.get(repo, "manifests", "1.0.0"), http.StatusServiceUnavailable, "UNAVAILABLE")
}
