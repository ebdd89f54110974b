package registry_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// strangers are two replicas over one storage whose locks do not know of each
// other, as after a lock was lost. Pushes of the first wait in their commit for
// what commit gives.
func strangers(t *testing.T, where registrytest.Option, commit commits) (a, b *client) {
	open := func(by registry.ManifestAdmitter) *registrytest.Server {
		return registrytest.New(t, where, registrytest.Free("free"), registrytest.With(func(o *registrytest.Options) {
			o.Replicated, o.Locker, o.Manifests = true, storage.NewLocker(), by
		}))
	}
	return newClient(t, open(commit)), newClient(t, open(registry.AdmitAllUnsafe().Manifests))
}

// commits is an Admitter of everything whose reservations ask fn, and keeps why
// pushes failed after it.
type commits struct {
	fn     func(context.Context) error
	failed chan<- error
}

func (commits) Admit(context.Context, registry.Access) error { return nil }
func (c commits) AdmitManifest(context.Context, registry.Access, registry.Load) (registry.Reservation, error) {
	return c, nil
}
func (c commits) Commit(ctx context.Context) error {
	if c.fn == nil {
		return nil
	}
	return c.fn(ctx)
}
func (c commits) Failed(_ context.Context, cause error) error {
	if c.failed != nil {
		c.failed <- cause
	}
	return cause
}
func (commits) Release() {}

// promoters are two replicas over one bucket whose locks do not know of each
// other, and two versions that are in repo.
func promoters(t *testing.T, store *bucket, repo string) (a, b *registrytest.Server, one, two ocispec.Descriptor) {
	t.Helper()
	open := func() *registrytest.Server {
		return registrytest.New(t, store.on(), registrytest.With(func(o *registrytest.Options) { o.Replicated, o.Locker = true, storage.NewLocker() }))
	}
	a, b = open(), open()
	c := newClient(t, a)
	uploaded(c, repo, emptyConfig)
	return a, b, c.pushed(repo, "1.0.0", plugin(repo, "1.0.0", "")), c.pushed(repo, "2.0.0", plugin(repo, "2.0.0", ""))
}

// onFenced runs check over each kind of storage that replicas share.
func onFenced(t *testing.T, check func(*testing.T, registrytest.Option)) {
	for name, where := range map[string]registrytest.Option{"directory": registrytest.Dir(t.TempDir()), "bucket": newBucket(t).on()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, where)
		})
	}
}

// TestAPushThatLostItsLockMovesNoTag_B2: what is acknowledged stays, though
// another push checked the tag before, lost its lock, and writes after.
func TestAPushThatLostItsLockMovesNoTag_B2(t *testing.T) {
	t.Parallel()
	onFenced(t, checkStaleCommit)
}

// TestAPushThatLostItsLockMovesNoTagOverS3_B2 is the same over a real S3 server.
func TestAPushThatLostItsLockMovesNoTagOverS3_B2(t *testing.T) {
	t.Parallel()
	checkStaleCommit(t, onS3(t))
}

func checkStaleCommit(t *testing.T, where registrytest.Option) {
	const repo = "acme/fence"
	there, free := make(chan struct{}, 1), make(chan struct{})
	var hold sync.Map
	failed := make(chan error, 1)
	a, b := strangers(t, where, commits{func(context.Context) error {
		if _, held := hold.Load("on"); held {
			there <- struct{}{}
			<-free
		}
		return nil
	}, failed})
	uploaded(a, repo, emptyConfig)
	signature := strings.Replace(a.pushed(repo, "0.0.1", plugin(repo, "0.0.1", "")).Digest.String(), ":", "-", 1) + ".sig"
	for _, step := range []struct {
		what, tag string
		first     any // what A pushes, B pushes second
		second    any
		want      int
	}{
		{"a version", "1.0.0", plugin(repo, "1.0.0", "A"), plugin(repo, "1.0.0", "B"), http.StatusConflict},
		{"a version twice the same", "1.1.0", plugin(repo, "1.1.0", ""), plugin(repo, "1.1.0", ""), http.StatusCreated},
		{"a tag that grows", signature, plugin(repo, "9.0.0", "A"), plugin(repo, "9.0.0", "B"), http.StatusConflict},
	} {
		hold.Store("on", true)
		mine, theirs := encode(t, step.first), encode(t, step.second)
		answered := a.later("PUT", "/v2/"+repo+"/manifests/"+step.tag, mine, "Content-Type", ocispec.MediaTypeImageManifest)
		<-there
		hold.Delete("on")
		b.want(b.send("PUT", "/v2/"+repo+"/manifests/"+step.tag, theirs, "Content-Type", ocispec.MediaTypeImageManifest), http.StatusCreated)
		free <- struct{}{}
		if got := <-answered; got.status != step.want {
			t.Errorf("%s: the stale push got %d, want %d: %s", step.what, got.status, step.want, got.body)
		}
		if told := len(failed) == 1; told != (step.want != http.StatusCreated) {
			t.Errorf("%s: who committed was told of a failure: %t, and the push got %d", step.what, told, step.want)
		} else if told {
			<-failed
		}
		for _, c := range []*client{a, b} {
			if got := c.get(repo, "manifests", step.tag).header.Get("Docker-Content-Digest"); got != digest.FromBytes(theirs).String() {
				t.Errorf("%s: the tag moved to %s after it was acknowledged", step.what, got)
			}
		}
	}
}

// TestAWriteThatArrivesLateMovesNoTag_B2: the PUT of the tag itself is on its
// way to the bucket when the lock is lost.
func TestAWriteThatArrivesLateMovesNoTag_B2(t *testing.T) {
	t.Parallel()
	const repo = "acme/fence"
	store := newBucket(t)
	a, b := strangers(t, store.on(), commits{})
	uploaded(a, repo, emptyConfig)
	there, release := store.holds(t, "PUT", "/tags/1.0.0/current/link")
	stale := a.later("PUT", "/v2/"+repo+"/manifests/1.0.0", encode(t, plugin(repo, "1.0.0", "A")), "Content-Type", ocispec.MediaTypeImageManifest)
	<-there
	want := b.pushed(repo, "1.0.0", plugin(repo, "1.0.0", "B"))
	release()
	a.refused(<-stale, http.StatusConflict, "DENIED")
	for _, c := range []*client{a, b} {
		if got := c.get(repo, "manifests", "1.0.0").header.Get("Docker-Content-Digest"); got != want.Digest.String() {
			t.Errorf("the tag moved from %s to %s", want.Digest, got)
		}
	}
}

// TestAChannelMovesFromWhatWasSeen_B2: two promotions that know nothing of each
// other: one of them is told.
func TestAChannelMovesFromWhatWasSeen_B2(t *testing.T) {
	t.Parallel()
	const repo = "acme/fence"
	store := newBucket(t)
	a, b, one, two := promoters(t, store, repo)
	there, release := store.holds(t, "PUT", "/tags/stable/current/link")
	stale := make(chan error, 1)
	go func() { stale <- a.SetChannel(t.Context(), repo, "stable", one.Digest) }()
	<-there
	if err := b.SetChannel(t.Context(), repo, "stable", two.Digest); err != nil {
		t.Fatal(err)
	}
	release()
	if err := <-stale; err == nil {
		t.Error("the promotion that arrived late was acknowledged")
	}
	if got, err := a.Storage.Resolve(t.Context(), repo, "stable"); got != two.Digest {
		t.Errorf("stable is %s, want %s: %v", got, two.Digest, err)
	}
}

// TestAPushSaysWhatItReplaces_B2 holds pushes to If-Match and If-None-Match.
func TestAPushSaysWhatItReplaces_B2(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.Free("free")))
	one := c.pushed("free/x", "moving", image(nil))
	next := encode(t, index(nil))
	for _, step := range []struct {
		header []string
		want   int
	}{
		{[]string{"If-None-Match", "*"}, http.StatusPreconditionFailed},
		{[]string{"If-Match", `"` + digest.FromString("other").String() + `"`}, http.StatusPreconditionFailed},
		{[]string{"If-Match", `"` + one.Digest.String() + `"`}, http.StatusCreated},
		{[]string{"If-Match", `"` + one.Digest.String() + `"`}, http.StatusPreconditionFailed},
	} {
		got := c.send("PUT", "/v2/free/x/manifests/moving", next, append(step.header, "Content-Type", ocispec.MediaTypeImageIndex)...)
		if got.status != step.want {
			t.Errorf("%v: status %d, want %d: %s", step.header, got.status, step.want, got.body)
		}
	}
	if got := c.send("PUT", "/v2/free/x/manifests/new", next, "Content-Type", ocispec.MediaTypeImageIndex, "If-Match", "*"); got.status != http.StatusPreconditionFailed {
		t.Errorf("a tag that is not there: status %d", got.status)
	}
}

// TestReplicasRefuseAStorageWithoutConditions_K7: and one server goes on there.
func TestReplicasRefuseAStorageWithoutConditions_K7(t *testing.T) {
	t.Parallel()
	careless, hasty := newBucket(t), newBucket(t)
	careless.careless, hasty.hasty = true, true
	refusing := newBucket(t)
	refusing.meets(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("If-None-Match") == "" {
			return false
		}
		fault(w, r, http.StatusNotImplemented, "NotImplemented")
		return true
	})
	for name, with := range map[string]registrytest.Option{
		"conditions are ignored": careless.on(), "conditions are looked at too early": hasty.on(), "conditions are unknown": refusing.on(),
		"a driver that has none": registrytest.InMemory(),
	} {
		for _, replicated := range []bool{true, false} {
			g, err := registrytest.Open(t.Context(), with, func(o *registrytest.Options) { o.Replicated = replicated })
			if replicated && (err == nil || !strings.Contains(err.Error(), "conditional writes")) {
				t.Errorf("%s: replicas: %v", name, err)
			}
			if !replicated && err != nil {
				t.Errorf("%s: one server: %v", name, err)
			}
			if err == nil {
				_ = g.Close()
			}
		}
	}
}

// TestABucketThatGivesNoAnswerIs503_K6: it refuses, is full, is silent, or is
// not there; each says so, and none is an internal error or waits for ever.
func TestABucketThatGivesNoAnswerIs503_K6(t *testing.T) {
	t.Parallel()
	store := newBucket(t)
	c := newClient(t, registrytest.New(t, store.on("patience", 250*time.Millisecond), registrytest.With(func(o *registrytest.Options) {
		o.Replicated, o.Locker, o.CacheBytes = true, storage.NewLocker(), -1
	})))
	const repo = "acme/hello"
	uploaded(c, repo, emptyConfig)
	one := c.pushed(repo, "1.0.0", plugin(repo, "1.0.0", ""))
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	answers := func(status int, code string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.RequestURI(), "blocks") {
				return false
			}
			fault(w, r, status, code)
			return true
		}
	}
	for _, step := range []struct {
		what   string
		meet   func(http.ResponseWriter, *http.Request) bool
		want   int
		says   string
		writes bool
	}{
		{"refuses", answers(403, "AccessDenied"), 503, "it refuses", false},
		{"has lost its credentials", answers(403, "InvalidAccessKeyId"), 503, "it refuses", false},
		{"fails", answers(500, "InternalError"), 503, "it fails", false},
		{"is busy", answers(503, "SlowDown"), 503, "asked less often", false},
		{"is silent", func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.RequestURI(), "blocks") {
				return false
			}
			select {
			case <-r.Context().Done():
			case <-done:
			}
			return true
		}, 503, "does not answer", false},
		{"stops in the middle", func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.RequestURI(), "blocks") || r.Method != "GET" {
				return false
			}
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-done:
			}
			return true
		}, 503, "does not answer", false},
		{"is full", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != "PUT" {
				return false
			}
			fault(w, r, 507, "XMinioStorageFull")
			return true
		}, 507, "full", true},
	} {
		store.meets(step.meet)
		asks := map[string]func() answer{
			"a push": func() answer {
				return c.send("PUT", "/v2/"+repo+"/manifests/2.0.0", encode(t, plugin(repo, "2.0.0", step.what)), "Content-Type", ocispec.MediaTypeImageManifest)
			},
			"a blob": func() answer {
				return uploadWhole(c, repo, []byte(step.what))
			},
		}
		if step.what == "stops in the middle" {
			delete(asks, "a blob") // nothing is read for it
		}
		if !step.writes {
			asks["a pull"] = func() answer { return c.get(repo, "manifests", "1.0.0") }
			asks["a pull of a blob"] = func() answer { return c.get(repo, "blobs", digest.FromBytes(emptyConfig).String()) }
			asks["the tags"] = func() answer { return c.send("GET", "/v2/"+repo+"/tags/list", nil) }
			asks["the referrers"] = func() answer { return c.send("GET", "/v2/"+repo+"/referrers/"+one.Digest.String(), nil) }
		}
		for what, ask := range asks {
			got := ask()
			if got.status != step.want || !strings.Contains(string(got.body), step.says) {
				t.Errorf("a bucket that %s: %s: status %d, want %d and %q: %s", step.what, what, got.status, step.want, step.says, got.body)
			}
			if got.status == 503 && got.header.Get("Retry-After") == "" {
				t.Errorf("a bucket that %s: %s: no Retry-After", step.what, what)
			}
		}
	}
	store.meets(nil)
	c.want(c.get(repo, "manifests", "1.0.0"), 200)
}

// uploadWhole pushes a blob in one request, which needs no upload in parts.
func uploadWhole(c *client, repo string, content []byte) answer {
	return c.send("POST", "/v2/"+repo+"/blobs/uploads/?digest="+digest.FromBytes(content).String(), content, "Content-Type", "application/octet-stream")
}

func uploaded(c *client, repo string, content []byte) {
	c.want(uploadWhole(c, repo, content), http.StatusCreated)
}
