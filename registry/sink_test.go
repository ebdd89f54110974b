package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// diary writes events down in short.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) Notify(_ context.Context, events ...registry.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range events {
		d.lines = append(d.lines, lineOf(e))
	}
	return nil
}

func lineOf(e registry.Event) string {
	line := fmt.Sprintf("%s %s:%s %.15s", e.Kind, e.Repository, e.Tag, e.Descriptor.Digest)
	if e.Subject != "" {
		line += fmt.Sprintf(" of %.15s", e.Subject)
	}
	return line
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

func TestSinkIsToldWhatWasStoredAndNothingElse(t *testing.T) {
	t.Parallel()
	d := &diary{}
	s := registrytest.New(t, registrytest.InMemory(), registrytest.Free("free"), registrytest.Sink(d))
	c := newClient(t, s)
	same := func(says string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", says, diff)
		}
	}
	one := c.pushed("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
	short := one.Digest.String()[:15]
	same("a version is pushed", "manifest pushed acme/hello: "+short, "tag set acme/hello:1.0.0 "+short)

	a, _ := c.put("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", "other"))
	c.want(a, http.StatusConflict)
	a, _ = c.put("acme/hello", "", image(nil, ocispec.Descriptor{MediaType: "a/b", Digest: missingDigest, Size: 1}))
	c.want(a, http.StatusNotFound)
	same("pushes are refused")

	sig := c.refer("acme/hello", one.Digest, "application/sig", "").Digest.String()[:15]
	same("a referrer is pushed", "manifest pushed acme/hello: "+sig+" of "+short)

	if err := s.SetChannel(t.Context(), "acme/hello", "stable", one.Digest); err != nil {
		t.Fatal(err)
	}
	same("a channel is set", "tag set acme/hello:stable "+short)

	x := c.pushed("free/x", "one", image(nil))
	d.read()
	c.want(c.send("DELETE", "/v2/free/x/manifests/"+x.Digest.String(), nil), http.StatusAccepted)
	gone := x.Digest.String()[:15]
	same("a manifest is deleted", "tag deleted free/x:one "+gone, "manifest deleted free/x: "+gone)
}

// A hasty sink looks at how it is called, writes to the same tag, and fails.
type hasty struct {
	t     *testing.T
	calls [][]registry.Event
	back  func(registry.Event) error // what needs the locks of the act
}

func (h *hasty) Notify(ctx context.Context, events ...registry.Event) error {
	until, bounded := ctx.Deadline()
	if left := time.Until(until); !bounded || left > registry.NotifyWithin || ctx.Err() != nil {
		h.t.Errorf("%s: called with %s left, bounded %t, %v", events[0].Kind, left, bounded, ctx.Err())
	}
	h.calls = append(h.calls, events)
	if h.back != nil {
		if err := h.back(events[len(events)-1]); err != nil {
			h.t.Errorf("%s: what the act had locked: %v", events[0].Kind, err)
		}
	}
	return errors.New("not everybody was told")
}

// Proves K7: the sink is called once for each act, with a bound, when the act has
// given back its locks, and what it could not tell changes no answer. Whoever
// pushes and leaves is told about all the same.
func TestTheSinkIsCalledOnceAfterTheLockWithABound_K7(t *testing.T) {
	t.Parallel()
	locker, h := storage.NewLocker(), &hasty{t: t}
	h.back = func(e registry.Event) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		unlock, err := locker.Lock(ctx, "repository/"+e.Repository, false) // no push and no delete is under way
		if err == nil {
			unlock()
		}
		return err
	}
	s := registrytest.New(t, registrytest.InMemory(), registrytest.Free("free"), registrytest.Sink(h), registrytest.With(func(o *registrytest.Options) { o.Locker = locker }))
	c := newClient(t, s)
	one := c.pushed("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
	if err := s.SetChannel(t.Context(), "acme/hello", "stable", one.Digest); err != nil {
		t.Error(err)
	}
	if err := s.RemoveChannel(t.Context(), "acme/hello", "stable"); err != nil {
		t.Error(err)
	}
	x := c.pushed("free/x", "one", image(nil))
	c.pushed("free/x", "two", image(nil))
	c.want(c.send("DELETE", "/v2/free/x/manifests/two", nil), http.StatusAccepted)
	c.want(c.send("DELETE", "/v2/free/x/manifests/"+x.Digest.String(), nil), http.StatusAccepted)
	gone, leave := context.WithCancel(t.Context())
	leave()
	s.Dropped(gone, registry.Event{Kind: registry.ManifestDeleted, Repository: "free/x"})
	var got []string
	for _, events := range h.calls {
		var kinds []string
		for _, e := range events {
			kinds = append(kinds, string(e.Kind))
		}
		got = append(got, strings.Join(kinds, ", "))
	}
	want := []string{
		"manifest pushed, tag set", "tag set", "tag deleted",
		"manifest pushed, tag set", "manifest pushed, tag set", "tag deleted", "tag deleted, manifest deleted", "manifest deleted",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
