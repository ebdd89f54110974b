package driver

import (
	"strings"
	"sync/atomic"
)

// changes counts a change below path before it is made, and once more when
// what it returns is called: whoever reads the same count twice knows that
// nothing was changed between, and that nothing was being changed.
func (d *Driver) changes(path string) (done func()) {
	rest, ok := strings.CutPrefix(path, RepositoryRoot+"/")
	if !ok {
		return func() {}
	}
	repo, _, _ := strings.Cut(rest, "/_")
	count := d.Generation(repo)
	count.Add(1)
	return func() { count.Add(1) }
}

// Generation is the count of changes below repo that this process made.
func (d *Driver) Generation(repo string) *atomic.Uint64 {
	if count, ok := d.generations.Load(repo); ok {
		return count.(*atomic.Uint64)
	}
	count, _ := d.generations.LoadOrStore(repo, &atomic.Uint64{})
	return count.(*atomic.Uint64)
}
