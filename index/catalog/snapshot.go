package catalog

import (
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
)

// A Snapshot is the whole catalog at one moment. It is immutable and safe for
// concurrent use; Empty and Load give the first, With every next.
type Snapshot struct {
	words    *words
	tree     *tree
	shelf    shelf
	ids      *order // of all plugins
	names    *order // of shown plugins
	updates  *order // of shown plugins
	text     *vocabulary
	views    *views
	universe *universe
	opened   *opened
	dropped  map[artifact.Name]bool // removed on purpose since Empty or Load
	mask     bitset                 // the slots that are part of it; nil: all
	redacted redactions             // of a reader's part, what it says otherwise than the whole
	// withdrawals are by repository; nil where there are none. Shared, never changed.
	withdrawals map[string]*Withdrawn
	claims      bound // how far a publisher's word counts for when a version came
}

// Empty is the catalog without plugins.
func Empty() *Snapshot {
	return &Snapshot{words: newWords(), tree: emptyTree, ids: new(order), names: new(order), updates: new(order),
		text: new(vocabulary), views: new(views).next(nil), universe: new(universe), opened: new(opened)}
}

// With is s with the changed plugins in place of what s says of them and
// without the removed ones; a plugin in both is changed. Of several changes of
// one plugin the last counts; one without id is passed over. s stays as it is,
// and what does not change is shared, so the cost is that of the change.
func (s *Snapshot) With(changed []Plugin, removed []artifact.Name) *Snapshot {
	if s.mask != nil {
		s = s.whole()
	}
	last := make(map[artifact.Name]int, len(changed))
	for i, p := range changed {
		last[p.ID] = i
	}
	delete(last, artifact.Name{})
	kept := slices.Sorted(maps.Values(last))
	drafts := make([]draft, len(kept))
	parallel(len(kept), func(i int) {
		p := changed[kept[i]].normal()
		drafts[i] = newDraft(&p, s.words, s.claims)
	})
	for _, id := range removed {
		if _, again := last[id]; !again {
			drafts = append(drafts, draft{entry: &entry{id: id}})
			last[id] = -1
		}
	}
	return s.with(drafts)
}

// with applies drafts, at most one of a name; one without record removes.
func (s *Snapshot) with(drafts []draft) *Snapshot {
	next := *s
	c := changes{words: wordEdit{}}
	for i := range drafts {
		c.draft(&next, &drafts[i])
	}
	taken := next.shelf
	together(len(drafts), []func(){
		func() { next.text = s.text.edit(c.words) },
		func() { next.names = s.names.edit(&s.shelf, c.names.out, c.names.in, byName) },
		func() { next.updates = s.updates.edit(&s.shelf, c.updates.out, c.updates.in, byUpdated) },
		func() { next.ids = s.ids.edit(&s.shelf, c.ids.out, c.ids.in, byID) },
		func() { next.tree = s.tree.edit(c.edits) },
		func() { next.shelf = taken.edit(c.placed) },
	})
	next.views, next.universe, next.opened = s.views.next(c.slots), new(universe), new(opened)
	next.withdrawals = withdrawalsAfter(s.withdrawals, c.edits)
	next.dropped = droppedAfter(s.dropped, c.edits)
	return &next
}

func droppedAfter(before map[artifact.Name]bool, edits []edit) map[artifact.Name]bool {
	after, own := before, false
	for _, one := range edits {
		gone := one.entry == nil
		if after[one.id] == gone {
			continue
		}
		if !own {
			after, own = make(map[artifact.Name]bool, len(before)+1), true
			maps.Copy(after, before)
		}
		if gone {
			after[one.id] = true
		} else {
			delete(after, one.id)
		}
	}
	return after
}

// parallel calls do for 0 to n-1, on all cores where that is worth it.
func parallel(n int, do func(int)) {
	if n < 64 {
		for i := range n {
			do(i)
		}
		return
	}
	var group sync.WaitGroup
	var at atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := int(at.Add(1)) - 1; i < n; i = int(at.Add(1)) - 1 {
				do(i)
			}
		})
	}
	group.Wait()
}

// together does independent parts of one big change on all cores.
func together(changes int, parts []func()) {
	if changes < 64 {
		for _, part := range parts {
			part()
		}
		return
	}
	var group sync.WaitGroup
	for _, part := range parts {
		group.Go(part)
	}
	group.Wait()
}

// Digest names the content: equal for equal content, however it was built.
func (s *Snapshot) Digest() digest.Digest { return s.tree.digest() }

// Len is the number of plugins, whatever their state, deleted ones included.
func (s *Snapshot) Len() int { return s.tree.count.plugins }

// Present is the number of plugins that were not deleted.
func (s *Snapshot) Present() int { return s.tree.count.plugins - s.tree.count.deleted }

// Versions is the number of versions that can be read, pending ones included and those
// of deleted plugins left out.
func (s *Snapshot) Versions() int { return s.tree.count.versions }

// Pending is the number of versions that wait for something.
func (s *Snapshot) Pending() int { return s.tree.count.pending }

// Plugin gives what s says of one plugin, whatever its state.
func (s *Snapshot) Plugin(id artifact.Name) (*Plugin, bool) {
	e := s.tree.get(id)
	if e == nil {
		return nil, false
	}
	return s.decode(e), true
}

// Has reports whether s says anything of a plugin. It costs less than Plugin.
func (s *Snapshot) Has(id artifact.Name) bool { return s.tree.get(id) != nil }

// Updated calls yield for every plugin that searches show, the one whose newest
// version came last first; those of which that is not known come last.
func (s *Snapshot) Updated(yield func(*Plugin) bool) {
	for _, slot := range s.updates.slots {
		if s.shows(slot) && !yield(s.decode(s.shelf.entry(slot))) {
			return
		}
	}
}

// Plugins calls yield for every plugin in order of id.
func (s *Snapshot) Plugins(yield func(*Plugin) bool) {
	for _, slot := range s.ids.slots {
		if !s.shows(slot) {
			continue
		}
		p, err := s.shelf.entry(slot).plugin(s.words)
		if err == nil && !yield(p) {
			return
		}
	}
}

// decode gives the plugin of e. Those asked for lately are remembered.
func (s *Snapshot) decode(e *entry) *Plugin {
	if p, ok := s.words.decoded.Get(e); ok {
		return p
	}
	p, err := e.plugin(s.words)
	if err != nil {
		return &Plugin{ID: e.id}
	}
	s.words.decoded.Add(e, p)
	return p
}
