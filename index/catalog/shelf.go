package catalog

import "slices"

// A shelf gives every plugin a slot, a small number that sets and columns are
// made of, and keeps its traits side by side with its neighbours', so that
// going through all of them is quick. Slots say nothing about order and are in
// no digest. A shelf is never changed: edit gives a new one that shares the rest.
type shelf struct {
	chunks []*chunk
	slots  int      // in use or free
	free   []uint32 // without plugin
}

const (
	chunkBits = 8
	chunkSize = 1 << chunkBits
)

type chunk struct {
	entries  [chunkSize]*entry
	heads    [chunkSize]heads
	about    [chunkSize]about
	first    [chunkSize + 1]uint32 // traits of slot i: traits[first[i]:first[i+1]]
	traits   []trait
	pointers []slotPointer // by slot, then channel
}

type slotPointer struct {
	slot uint32 // within the chunk
	pointer
}

func (s *shelf) entry(slot uint32) *entry { return s.chunks[slot>>chunkBits].entries[slot%chunkSize] }

func (c *chunk) of(i uint32) []trait { return c.traits[c.first[i]:c.first[i+1]] }

// pointersOf are the channels of the plugin at i.
func (c *chunk) pointersOf(i uint32) []slotPointer {
	from, _ := slices.BinarySearchFunc(c.pointers, i, func(p slotPointer, i uint32) int { return int(p.slot) - int(i) })
	to := from
	for to < len(c.pointers) && c.pointers[to].slot == i {
		to++
	}
	return c.pointers[from:to]
}

// take finds a slot for a plugin that has none.
func (s *shelf) take() uint32 {
	if n := len(s.free); n > 0 {
		slot := s.free[n-1]
		s.free = s.free[: n-1 : n-1]
		return slot
	}
	s.slots++
	return uint32(s.slots - 1)
}

// A placed edit fills a slot, or empties it where entry is nil.
type placed struct {
	slot   uint32
	entry  *entry
	traits traits
}

// edit applies edits, at most one to a slot. Slots that it takes from s by
// take are already counted in s.
func (s shelf) edit(edits []placed) shelf {
	slices.SortFunc(edits, func(a, b placed) int { return int(a.slot) - int(b.slot) })
	chunks := make([]*chunk, (s.slots+chunkSize-1)/chunkSize)
	copy(chunks, s.chunks)
	for from := 0; from < len(edits); {
		n, to := edits[from].slot>>chunkBits, from
		for to < len(edits) && edits[to].slot>>chunkBits == n {
			if edits[to].entry == nil {
				s.free = append(slices.Clip(s.free), edits[to].slot)
			}
			to++
		}
		was := chunks[n]
		if was == nil {
			was = new(chunk)
		}
		chunks[n] = was.edit(edits[from:to])
		from = to
	}
	s.chunks = chunks
	return s
}

func (c *chunk) edit(edits []placed) *chunk {
	next := &chunk{entries: c.entries, heads: c.heads, about: c.about}
	size := len(c.traits)
	for _, one := range edits {
		size += len(one.traits.versions)
	}
	next.traits = make([]trait, 0, size)
	e := 0
	for i := range uint32(chunkSize) {
		next.first[i] = uint32(len(next.traits))
		if e < len(edits) && edits[e].slot%chunkSize == i {
			one := &edits[e]
			next.entries[i], next.heads[i], next.about[i] = one.entry, headsOf(one.entry), one.traits.about
			next.traits = append(next.traits, one.traits.versions...)
			for _, p := range one.traits.pointers {
				next.pointers = append(next.pointers, slotPointer{i, p})
			}
			e++
			continue
		}
		next.traits = append(next.traits, c.of(i)...)
		next.pointers = append(next.pointers, c.pointersOf(i)...)
	}
	next.first[chunkSize] = uint32(len(next.traits))
	return next
}
