package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// forgetful loses every lock on a tag while lost is set.
type forgetful struct {
	storage.Locker
	lost  atomic.Bool
	asked atomic.Int64
}

func (f *forgetful) Held(_ context.Context, key string) error {
	if f.asked.Add(1); f.lost.Load() && strings.HasPrefix(key, "tag/") {
		return errors.New("the server of the locks was replaced")
	}
	return nil
}

// A version is not set, and a channel not moved, by whoever lost the lock under
// which it was checked; the same push succeeds once locks hold.
func TestNoTagIsSetUnderALostLock_K7(t *testing.T) {
	t.Parallel()
	locks := &forgetful{Locker: storage.NewLocker()}
	s := registrytest.New(t, registrytest.With(func(o *registrytest.Options) { o.Locker = locks }))
	c := newClient(t, s)
	const repo = "acme/hello"
	c.blob(repo, emptyConfig)
	first := c.pushed(repo, "1.0.0", plugin(repo, "1.0.0", ""))
	locks.lost.Store(true)
	a, _ := c.put(repo, "1.1.0", plugin(repo, "1.1.0", ""))
	c.refused(a, 503, "UNAVAILABLE")
	if err := s.SetChannel(t.Context(), repo, "stable", first.Digest); err == nil {
		t.Error("a channel was moved")
	}
	for _, tag := range []string{"1.1.0", "stable"} {
		c.want(c.get(repo, "manifests", tag), 404)
	}
	locks.lost.Store(false)
	c.pushed(repo, "1.1.0", plugin(repo, "1.1.0", ""))
	if err := s.SetChannel(t.Context(), repo, "stable", first.Digest); err != nil || locks.asked.Load() < 4 {
		t.Errorf("%v after %d questions", err, locks.asked.Load())
	}
}
