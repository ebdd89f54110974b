package registry

import (
	"strings"
	"sync/atomic"
)

// changes counts a change below path before it is made, and once more when
// what it returns is called: whoever reads the same count twice knows that
// nothing was changed between, and that nothing was being changed.
func (d *driver) changes(path string) (done func()) {
	rest, ok := strings.CutPrefix(path, repositoryRoot+"/")
	if !ok {
		return func() {}
	}
	repo, _, _ := strings.Cut(rest, "/_")
	count := d.generation(repo)
	count.Add(1)
	return func() { count.Add(1) }
}

func (d *driver) generation(repo string) *atomic.Uint64 {
	if count, ok := d.generations.Load(repo); ok {
		return count.(*atomic.Uint64)
	}
	count, _ := d.generations.LoadOrStore(repo, &atomic.Uint64{})
	return count.(*atomic.Uint64)
}

// Generation changes with everything that is changed in repo. It is false
// where other processes write too, of which this one does not hear. A number
// is worth nothing in another process.
func (s Sweep) Generation(repo string) (uint64, bool) {
	return s.g.driver.generation(repo).Load(), !s.g.opts.Replicated && !s.g.opts.ReadOnly
}
