package quota

import (
	"context"
	"errors"
	"sync"

	"github.com/oarlock/oarlock/artifact"
)

// memory is a Store for tests.
type memory struct {
	mu     sync.Mutex
	usage  map[string]Used
	down   error
	counts map[string]int64 // corrections
	adding func()           // called before usage is added
}

var errBroken = errors.New("the disk is gone")

func (m *memory) breakDown(err error) { m.down = err }

func newMemory() *memory { return &memory{usage: map[string]Used{}, counts: map[string]int64{}} }

func (m *memory) Usage(_ context.Context, namespace string) (Used, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.usage[namespace]
	u.Namespace = namespace
	return u, m.down
}

func (m *memory) AddUsage(_ context.Context, namespace string, bytes, versions, maxBytes, maxVersions int64) (Used, error) {
	if m.adding != nil {
		m.adding()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.usage[namespace]
	u.Namespace, u.Bytes, u.Versions = namespace, max(0, u.Bytes+bytes), max(0, u.Versions+versions)
	if maxBytes > 0 && u.Bytes > maxBytes || maxVersions > 0 && u.Versions > maxVersions {
		return u, artifact.ErrConflict
	}
	m.usage[namespace] = u
	return u, nil
}

func (m *memory) NamespaceNames(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.usage {
		names = append(names, name)
	}
	return names, nil
}

func (m *memory) BeginCount(ctx context.Context, namespace string) (Count, error) {
	used, err := m.Usage(ctx, namespace)
	m.mu.Lock()
	defer m.mu.Unlock()
	return Count{used, m.counts[namespace]}, err
}

func (m *memory) CorrectUsage(ctx context.Context, before Count, bytes, versions int64) error {
	m.mu.Lock()
	if m.counts[before.Namespace] != before.Corrections {
		m.mu.Unlock()
		return artifact.ErrConflict
	}
	m.counts[before.Namespace]++
	m.mu.Unlock()
	_, err := m.AddUsage(ctx, before.Namespace, bytes-before.Bytes, versions-before.Versions, 0, 0)
	return err
}
