package registry_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// replicas are two registries over one storage with one locker.
func replicas(t *testing.T) (a, b *client) {
	return replicasOver(t, registrytest.Dir(t.TempDir()))
}

// replicasOver are two over the storage that an option names.
func replicasOver(t *testing.T, where registrytest.Option) (a, b *client) {
	locker := storage.NewLocker()
	open := func() *client {
		return newClient(t, registrytest.New(t, where, registrytest.Free("free"), registrytest.With(func(o *registrytest.Options) {
			o.Replicated, o.Locker = true, locker
		})))
	}
	return open(), open()
}

func TestReplicasAgreeAtOnce_K7(t *testing.T) {
	t.Parallel()
	a, b := replicas(t)
	checkAgreement(t, a, b)
}

// checkAgreement holds that what one replica was told, the other says at once.
func checkAgreement(t *testing.T, a, b *client) {
	one := a.pushed("free/x", "one", image(nil))
	b.want(b.get("free/x", "manifests", "one"), http.StatusOK)
	for i := range 3 {
		at := []*client{a, b}[i%2]
		want := []ocispec.Descriptor{at.refer("free/x", one.Digest, "application/a", fmt.Sprint(i))}
		for _, c := range []*client{a, b} {
			got, _ := c.referrers("free/x", one.Digest, "")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("round %d:\n%s", i, diff)
			}
		}
		at.want(at.send("DELETE", "/v2/free/x/manifests/"+want[0].Digest.String(), nil), http.StatusAccepted)
	}
	two := b.pushed("free/x", "one", index(nil))
	if got := a.get("free/x", "manifests", "one").header.Get("Docker-Content-Digest"); got != two.Digest.String() {
		t.Errorf("the moved tag is %s at the other replica, want %s", got, two.Digest)
	}
	b.want(b.send("DELETE", "/v2/free/x/manifests/"+two.Digest.String(), nil), http.StatusAccepted)
	a.want(a.get("free/x", "manifests", "one"), http.StatusNotFound)
	a.want(a.get("free/x", "manifests", two.Digest.String()), http.StatusNotFound)
}

func TestRacingPushesToTwoReplicasHaveOneWinner_B2(t *testing.T) {
	t.Parallel()
	a, b := replicas(t)
	checkOneWinner(t, a, b)
}

// checkOneWinner races pushes of different content to one version tag.
func checkOneWinner(t *testing.T, a, b *client) {
	a.blob("acme/hello", emptyConfig)
	var mu sync.Mutex
	won := 0
	var done sync.WaitGroup
	for i := range 16 {
		content := encode(t, plugin("acme/hello", "1.0.0", fmt.Sprint(i)))
		c := []*client{a, b}[i%2]
		done.Go(func() {
			got, err := c.try("PUT", "/v2/acme/hello/manifests/1.0.0", content, "Content-Type", ocispec.MediaTypeImageManifest)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if got.status == http.StatusCreated {
				won++
			}
		})
	}
	done.Wait()
	if won != 1 {
		t.Errorf("%d pushes won, want 1", won)
	}
}
