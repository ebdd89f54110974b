package registry_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// diary writes events down in short.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) Notify(e registry.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := fmt.Sprintf("%s %s:%s %.15s", e.Kind, e.Repository, e.Tag, e.Descriptor.Digest)
	if e.Subject != "" {
		line += fmt.Sprintf(" of %.15s", e.Subject)
	}
	d.lines = append(d.lines, line)
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
