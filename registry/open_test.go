package registry

import (
	"errors"
	"testing"

	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// opened is a registry over the storage that at names, until the test ends.
func opened(t testing.TB, at storage.Options, o Options) *Registry {
	t.Helper()
	s, err := storage.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	b, err := block.Open(t.Context(), s, block.Options{})
	if err != nil {
		t.Fatal(errors.Join(err, s.Close()))
	}
	g, err := New(s, b, o)
	if err != nil {
		b.Close()
		t.Fatal(errors.Join(err, s.Close()))
	}
	t.Cleanup(func() {
		err := g.Close()
		b.Close()
		if err = errors.Join(err, s.Close()); err != nil {
			t.Error(err)
		}
	})
	return g
}

func inMemory() storage.Options {
	return storage.Options{Options: driver.Options{Driver: "inmemory"}, CacheBytes: -1}
}

func onDisk(dir string) storage.Options { return storage.Options{Options: driver.Options{Dir: dir}} }
