package registry_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// meter admits everything but what deny says, and notes what was asked.
type meter struct {
	mu     sync.Mutex
	deny   map[registry.Action]bool
	full   bool
	loads  []registry.Load
	counts int
}

func (m *meter) Admit(_ context.Context, x registry.Access) error {
	if m.deny[x.Action] {
		return fmt.Errorf("%s: not here: %w", x.Action, artifact.ErrDenied)
	}
	return nil
}

func (m *meter) AdmitManifest(_ context.Context, _ registry.Access, l registry.Load) (registry.Reservation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads = append(m.loads, l)
	return m, nil
}

func (m *meter) Commit(context.Context) error {
	if m.full {
		return fmt.Errorf("no room: %w", artifact.ErrDenied)
	}
	m.counts++
	return nil
}

func (m *meter) Failed(_ context.Context, cause error) error { return cause }
func (m *meter) Release()                                    {}

func metered(t *testing.T, m *meter) *client {
	return newClient(t, registrytest.New(t, registrytest.InMemory(), registrytest.With(func(o *registrytest.Options) { o.Admitter, o.Manifests = m, m })))
}

// Publishing is asked for version tags alone: signatures and children come by
// digest or by other tags.
func TestPublishIsAskedForVersionTags_B6(t *testing.T) {
	t.Parallel()
	m := &meter{deny: map[registry.Action]bool{registry.Publish: true}}
	c := metered(t, m)
	c.blob("acme/hello", emptyConfig)
	a, d := c.put("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
	c.refused(a, http.StatusForbidden, "DENIED")
	c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusNotFound)
	a, _ = c.put("acme/hello", d.Digest.String(), plugin("acme/hello", "1.0.0", ""))
	c.want(a, http.StatusCreated)
}

func TestALoadSaysWhatAPushAdds_B7(t *testing.T) {
	t.Parallel()
	m := &meter{}
	c := metered(t, m)
	c.blob("acme/hello", emptyConfig)
	for range 2 {
		a, _ := c.put("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
		c.want(a, http.StatusCreated)
	}
	first, again := m.loads[0], m.loads[1]
	if first.Held || first.Set || !first.Version || first.Tag != "1.0.0" || first.Manifest == 0 || first.Content == 0 {
		t.Errorf("first: %+v", first)
	}
	if !again.Held || !again.Set || again.Digest != first.Digest {
		t.Errorf("again: %+v", again)
	}
	if m.counts != 2 {
		t.Errorf("%d commits", m.counts)
	}
}

// What there is no room for after all gets no tag, so that no version is burnt.
func TestWhatIsNotCommittedGetsNoTag_B7(t *testing.T) {
	t.Parallel()
	m := &meter{full: true}
	c := metered(t, m)
	c.blob("acme/hello", emptyConfig)
	a, _ := c.put("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
	c.refused(a, http.StatusForbidden, "DENIED")
	c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusNotFound)
	m.full = false
	a, _ = c.put("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", "other"))
	c.want(a, http.StatusCreated)
}
