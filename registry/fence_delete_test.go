package registry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// writesDown lets every delete be, and asks fn before anything is deleted.
type writesDown struct{ fn func() }

func (w writesDown) AdmitDelete(context.Context, registry.Access, registry.Removal) (func(error) error, error) {
	w.fn()
	return func(err error) error { return err }, nil
}

// TestADeleteThatLostItsLockRemovesNoTag_B2: another replica set the tag since
// the delete looked at it.
func TestADeleteThatLostItsLockRemovesNoTag_B2(t *testing.T) {
	t.Parallel()
	onFenced(t, checkStaleDelete)
}

// TestADeleteThatLostItsLockRemovesNoTagOverS3_B2 is the same over a real S3 server.
func TestADeleteThatLostItsLockRemovesNoTagOverS3_B2(t *testing.T) {
	t.Parallel()
	checkStaleDelete(t, onS3(t))
}

func checkStaleDelete(t *testing.T, where registrytest.Option) {
	const repo = "free/fence"
	there, free := make(chan struct{}), make(chan struct{})
	var hold atomic.Bool
	open := func(by registry.DeleteAdmitter) *client {
		return newClient(t, registrytest.New(t, where, registrytest.Free("free"), registrytest.With(func(o *registrytest.Options) {
			o.Replicated, o.Locker, o.Deletes = true, storage.NewLocker(), by
		})))
	}
	a, b := open(writesDown{fn: func() {
		if hold.Load() {
			there <- struct{}{}
			<-free
		}
	}}), open(registry.AdmitAllUnsafe().Deletes)
	uploaded(a, repo, emptyConfig)
	a.pushed(repo, "moving", plugin(repo, "1.0.0", "A"))
	hold.Store(true)
	stale := a.later("DELETE", "/v2/"+repo+"/manifests/moving", nil)
	select {
	case <-there:
	case got := <-stale:
		t.Fatalf("the delete did not wait to be written down: %d: %s", got.status, got.body)
	}
	hold.Store(false)
	want := b.pushed(repo, "moving", plugin(repo, "1.0.0", "B"))
	free <- struct{}{}
	a.refused(<-stale, http.StatusConflict, "DENIED")
	for _, c := range []*client{a, b} {
		if got := c.get(repo, "manifests", "moving").header.Get("Docker-Content-Digest"); got != want.Digest.String() {
			t.Errorf("the tag is %q, want %s", got, want.Digest)
		}
	}
	// What is deleted is gone, and may come back.
	for range 2 {
		a.want(a.send("DELETE", "/v2/"+repo+"/manifests/moving", nil), http.StatusAccepted)
		for _, c := range []*client{a, b} {
			c.want(c.get(repo, "manifests", "moving"), http.StatusNotFound)
			c.want(c.send("DELETE", "/v2/"+repo+"/manifests/moving", nil), http.StatusNotFound)
			if got := c.want(c.send("GET", "/v2/"+repo+"/tags/list", nil), 200); strings.Contains(string(got.body), "moving") {
				t.Errorf("it is listed: %s", got.body)
			}
		}
		b.pushed(repo, "moving", plugin(repo, "1.0.0", "B"))
		a.want(a.get(repo, "manifests", "moving"), 200)
	}
	a.want(a.send("DELETE", "/v2/"+repo+"/manifests/"+want.Digest.String(), nil), http.StatusAccepted)
	for _, c := range []*client{a, b} {
		c.want(c.get(repo, "manifests", "moving"), http.StatusNotFound)
		c.want(c.get(repo, "manifests", want.Digest.String()), http.StatusNotFound)
	}
	a.want(a.send("DELETE", "/v2/"+repo+"/blobs/"+digest.FromBytes(emptyConfig).String(), nil), http.StatusAccepted)
	b.want(b.get(repo, "blobs", digest.FromBytes(emptyConfig).String()), http.StatusNotFound)
}

// TestAChannelIsRemovedAsItWasSeen_B2: the removal is on its way to the bucket
// while another replica promotes another version.
func TestAChannelIsRemovedAsItWasSeen_B2(t *testing.T) {
	t.Parallel()
	const repo = "acme/fence"
	store := newBucket(t)
	a, b, one, two := promoters(t, store, repo)
	if err := a.SetChannel(t.Context(), repo, "stable", one.Digest); err != nil {
		t.Fatal(err)
	}
	there, release := store.holdsFirst(t, func(r *http.Request) bool { return removes(r, "/tags/stable/current/link") })
	stale := make(chan error, 1)
	go func() { stale <- a.RemoveChannel(t.Context(), repo, "stable") }()
	<-there
	if err := b.SetChannel(t.Context(), repo, "stable", two.Digest); err != nil {
		t.Fatal(err)
	}
	release()
	if err := <-stale; err == nil {
		t.Error("the removal that arrived late was acknowledged")
	}
	if got, err := a.Storage.Resolve(t.Context(), repo, "stable"); got != two.Digest {
		t.Errorf("stable is %q, want %s: %v", got, two.Digest, err)
	}
	if err := a.RemoveChannel(t.Context(), repo, "stable"); err != nil {
		t.Error(err)
	}
	if _, err := b.Storage.Resolve(t.Context(), repo, "stable"); err == nil {
		t.Error("the channel was removed, and is there")
	}
}

// removes reports whether r makes the file of a tag mean nothing, or deletes.
func removes(r *http.Request, suffix string) bool {
	return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, suffix) || r.Method == http.MethodPost && r.URL.Query().Has("delete")
}

// holdsFirst is holds for the first request of which is is true.
func (b *bucket) holdsFirst(t *testing.T, is func(*http.Request) bool) (there chan struct{}, release func()) {
	there, free := make(chan struct{}), make(chan struct{})
	var first, freed atomic.Bool
	b.meets(func(_ http.ResponseWriter, r *http.Request) bool {
		if is(r) && !first.Swap(true) {
			close(there)
			<-free
		}
		return false
	})
	release = func() {
		if !freed.Swap(true) {
			close(free)
		}
	}
	t.Cleanup(release)
	return there, release
}

// losing is a Locker that says, once lost is set, that it lost everything.
type losing struct {
	storage.Locker
	lost atomic.Bool
}

func (l *losing) Held(context.Context, string) error {
	if l.lost.Load() {
		return errors.New("the server of the locks was replaced")
	}
	return nil
}

// TestADeleteThatArrivesLateTakesNothingAway_B2: the delete of a manifest or a
// blob is on its way to the bucket when its replica loses its lock or dies.
// Another one then pushes what relies on both, and is told that they are there.
func TestADeleteThatArrivesLateTakesNothingAway_B2(t *testing.T) {
	t.Parallel()
	const repo = "free/fence"
	for _, how := range []string{"lost", "dead"} {
		for _, kind := range []string{"manifests", "blobs", "referrers"} {
			t.Run(how+"/"+kind, func(t *testing.T) {
				t.Parallel()
				store, locks := newBucket(t), &losing{Locker: storage.NewLocker()}
				open := func(by storage.Locker, key string) *client {
					return newClient(t, registrytest.New(t, store.on("accesskey", key), registrytest.Free("free"), registrytest.With(func(o *registrytest.Options) {
						o.Replicated, o.Locker = true, by
					})))
				}
				a, b := open(locks, "first"), open(storage.NewLocker(), "second")
				uploaded(a, repo, emptyConfig)
				subject := a.pushed(repo, "subject", plugin(repo, "0.1.0", ""))
				content := image(nil)
				if kind == "referrers" {
					content = image(func(m *ocispec.Manifest) { m.Subject = &subject })
				}
				m := a.pushed(repo, "", content)
				path, what := "/v2/"+repo+"/manifests/", m.Digest
				if kind == "blobs" {
					path, what = "/v2/"+repo+"/blobs/", digest.FromBytes(emptyConfig)
				}
				there, free := make(chan struct{}), make(chan struct{})
				var first, dead atomic.Bool
				store.meets(func(w http.ResponseWriter, r *http.Request) bool {
					mine := strings.Contains(r.Header.Get("Authorization"), "Credential=first/")
					if mine && r.Method == http.MethodPost && r.URL.Query().Has("delete") && !first.Swap(true) {
						close(there)
						<-free
						return false
					}
					if mine && dead.Load() {
						fault(w, r, http.StatusForbidden, "AccessDenied")
						return true
					}
					return false
				})
				stale := a.later("DELETE", path+what.String(), nil)
				<-there
				locks.lost.Store(how == "lost")
				dead.Store(how == "dead")
				uploaded(b, repo, emptyConfig)
				b.pushed(repo, "kept", content)
				close(free)
				if got := <-stale; got.status < 500 {
					t.Errorf("the late delete was acknowledged: %d: %s", got.status, got.body)
				}
				store.meets(nil)
				for range 2 {
					b.want(b.get(repo, "manifests", "kept"), 200)
					b.want(b.get(repo, "manifests", m.Digest.String()), 200)
					b.want(b.get(repo, "blobs", digest.FromBytes(emptyConfig).String()), 200)
				}
				if kind == "referrers" {
					if got := b.send("GET", "/v2/"+repo+"/referrers/"+subject.Digest.String(), nil); !strings.Contains(string(got.body), m.Digest.String()) {
						t.Errorf("its subject does not know of it: %s", got.body)
					}
				}
			})
		}
	}
}
