package catalog

import (
	"maps"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
)

// A Snapshot is the whole catalog at one moment. It is immutable and safe for
// concurrent use; Empty and Load give the first, With every next.
type Snapshot struct {
	words   *words
	tree    *tree
	dropped map[artifact.Name]bool // removed on purpose since Empty or Load
}

// Empty is the catalog without plugins.
func Empty() *Snapshot { return &Snapshot{words: newWords(), tree: emptyTree} }

// With is s with the changed plugins in place of what s says of them and
// without the removed ones; a plugin in both is changed. Of several changes of
// one plugin the last counts; one
// without id is passed over. s stays as it is, and what does not change is
// shared, so the cost is that of the change.
func (s *Snapshot) With(changed []Plugin, removed []artifact.Name) *Snapshot {
	edits := make([]edit, 0, len(changed)+len(removed))
	for _, id := range removed {
		edits = append(edits, edit{id, nil})
	}
	for _, p := range changed {
		if p.ID.IsZero() {
			continue
		}
		p = p.normal()
		edits = append(edits, edit{p.ID, newEntry(&p, s.words)})
	}
	next := *s
	next.tree = s.tree.edit(edits)
	next.dropped = droppedAfter(s.dropped, edits)
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

// Digest names the content: equal for equal content, however it was built.
func (s *Snapshot) Digest() digest.Digest { return s.tree.digest() }

// Len is the number of plugins, whatever their state.
func (s *Snapshot) Len() int { return s.tree.count.plugins }

// Versions is the number of versions that can be read, pending ones included.
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

// Plugins calls yield for every plugin in order of id.
func (s *Snapshot) Plugins(yield func(*Plugin) bool) {
	for _, e := range s.entries() {
		if !yield(s.decode(e)) {
			return
		}
	}
}

func (s *Snapshot) entries() []*entry {
	out := make([]*entry, 0, s.Len())
	for e := range s.tree.all {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *entry) int { return a.id.Compare(b.id) })
	return out
}

// decode reads a record that was decoded once before, by With or by Load.
func (s *Snapshot) decode(e *entry) *Plugin {
	p, err := decodeRecord(e.record, s.words)
	if err != nil {
		return &Plugin{ID: e.id}
	}
	return p
}
