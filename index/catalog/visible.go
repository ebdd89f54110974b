package catalog

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/oarlock/oarlock/artifact"
)

// A Visibility says which plugins a reader may know of. The zero Visibility, and any
// without Sees, sees nothing; Everything sees all.
type Visibility struct {
	// Class names what is seen: readers of one class see the same, and what a
	// class sees never changes. "" and "*" are taken, by nothing and everything.
	Class string
	// Sees is asked from several goroutines, once for each plugin and change.
	Sees func(id artifact.Name) bool

	all bool
}

// Everything is the Visibility of a reader from whom nothing is hidden.
func Everything() Visibility { return Visibility{Class: "*", all: true} }

// Hides reports whether there is anything that the reader may not know of.
func (v Visibility) Hides() bool { return !v.all }

// Shows reports whether the reader may know of a plugin.
func (v Visibility) Shows(id artifact.Name) bool {
	return v.all || v.Sees != nil && v.Class != "" && !id.IsZero() && v.Sees(id)
}

func nothing(artifact.Name) bool { return false }

// Visible is g for one reader: its snapshot is that of a catalog which never held
// what the reader may not know of, in every answer, count and digest, and in which
// nobody named it as a replacement. Number and time stay those of g. g is one that
// Current or At gave.
func (l *Live) Visible(g *Generation, by Visibility) *Generation {
	switch {
	case by.all:
		return g
	case by.Sees == nil || by.Class == "":
		by = Visibility{Sees: nothing}
	}
	now := l.now()
	one := l.glances.of(by.Class, now)
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.from == g {
		return one.shown
	}
	next := &Generation{Number: g.Number, Snapshot: one.derive(g.Snapshot, by.Sees), At: g.At, of: g}
	if one.from == nil || g.Number >= one.from.Number {
		one.from, one.shown = g, next
	}
	l.glances.forget(now.Add(-l.retain))
	return next
}

// A glance is what one class saw last. Its mutex keeps several readers of one
// class from deriving the same thing.
type glance struct {
	mu          sync.Mutex
	from, shown *Generation // nil before the first
	used        time.Time   // guarded by glances.mu
}

// derive is what sees lets through of s, made from what was seen before where
// there is something: then the cost is that of what changed since.
func (o *glance) derive(s *Snapshot, sees func(artifact.Name) bool) *Snapshot {
	if o.from == nil || o.shown.Snapshot.mask == nil {
		return s.without(sees)
	}
	before, shown := o.from.Snapshot, o.shown.Snapshot
	mask := newBitset(s.shelf.slots)
	copy(mask, shown.mask)
	masked := maps.Clone(shown.redacted)
	var edits []edit
	for e := range before.tree.since(s.tree) {
		if int(e.slot>>6) < len(mask) {
			mask.remove(e.slot)
		}
		delete(masked, e.id)
		if shown.tree.get(e.id) != nil {
			edits = append(edits, edit{e.id, nil})
		}
	}
	for e := range s.tree.since(before.tree) {
		if sees(e.id) {
			mask.add(e.slot)
			edits = append(edits, edit{e.id, s.redact(e, sees, &masked)})
		}
	}
	tree := shown.tree
	if len(edits) > 0 {
		tree = tree.edit(edits)
	}
	return s.masked(mask, tree, masked)
}

// without is s without what sees does not let through.
func (s *Snapshot) without(sees func(artifact.Name) bool) *Snapshot {
	mask := newBitset(s.shelf.slots)
	in, out := make([]edit, 0, len(s.ids.slots)), []edit(nil)
	var masked redactions
	for _, slot := range s.ids.slots {
		e := s.shelf.entry(slot)
		if !sees(e.id) {
			out = append(out, edit{e.id, nil})
			continue
		}
		mask.add(slot)
		shown := s.redact(e, sees, &masked)
		in = append(in, edit{e.id, shown})
		if shown != e {
			out = append(out, edit{e.id, shown})
		}
	}
	if len(in) < len(out) {
		return s.masked(mask, emptyTree.edit(in), masked)
	}
	return s.masked(mask, s.tree.edit(out), masked)
}

// masked is s with only the plugins of mask, which are those of tree, and some of
// them redacted. It shares all else with s: slots that are not in mask are passed
// over.
func (s *Snapshot) masked(mask bitset, tree *tree, some redactions) *Snapshot {
	if tree.count.plugins == s.tree.count.plugins && len(some) == 0 {
		return s
	}
	next := *s
	next.mask, next.tree, next.universe, next.opened, next.redacted = mask, tree, new(universe), new(opened), some
	if len(some) > 0 {
		next.shelf = s.shelf.edit(slices.Collect(maps.Values(some)))
	}
	return &next
}

// whole is a masked snapshot made anew from what it shows.
func (s *Snapshot) whole() *Snapshot {
	var all []Plugin
	for p := range s.Plugins {
		all = append(all, *p)
	}
	empty := Empty()
	empty.claims = s.claims
	return empty.With(all, nil)
}

// shows reports whether the plugin in slot is part of s.
func (s *Snapshot) shows(slot uint32) bool { return s.mask == nil || s.mask.has(slot) }

// says reports whether a plugin that is part of s is among posts.
func (s *Snapshot) says(posts postings) bool {
	return s.mask == nil || slices.ContainsFunc(posts, func(block []posting) bool {
		return slices.ContainsFunc(block, func(p posting) bool { return s.mask.has(p.slot()) })
	})
}

// glances are the glances of the classes that asked lately.
type glances struct {
	mu  sync.Mutex
	lru *simplelru.LRU[string, *glance]
}

// maxClasses bounds how many classes are remembered. One that is not is
// derived whole again.
const maxClasses = 256

func newGlances() *glances {
	s := new(glances)
	s.lru, _ = simplelru.NewLRU[string, *glance](maxClasses, nil)
	return s
}

func (s *glances) of(class string, now time.Time) *glance {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.lru.Get(class)
	if !ok {
		g = new(glance)
		s.lru.Add(class, g)
	}
	g.used = now
	return g
}

// forget drops those not asked since, so that none keeps an old generation.
func (s *glances) forget(since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		_, oldest, ok := s.lru.GetOldest()
		if !ok || !oldest.used.Before(since) {
			return
		}
		s.lru.RemoveOldest()
	}
}
