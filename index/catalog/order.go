package catalog

import (
	"slices"
	"sync"
)

// An order is slots in one sequence. It is never changed: edit gives a new one.
type order struct {
	slots []uint32
	once  sync.Once
	ranks []uint32
}

// rank says for every slot how many come before it; it is made when first asked for.
func (o *order) rank(slots int) []uint32 {
	o.once.Do(func() {
		o.ranks = make([]uint32, slots)
		for i, slot := range o.slots {
			o.ranks[slot] = uint32(i)
		}
	})
	return o.ranks
}

// search finds where e stands or would stand, by compare.
func (o *order) search(s *shelf, e *entry, compare func(a, b *entry) int) (int, bool) {
	return slices.BinarySearchFunc(o.slots, e, func(slot uint32, e *entry) int { return compare(s.entry(slot), e) })
}

// edit takes entries out, which are on shelf s, and puts others in.
func (o *order) edit(s *shelf, out, in []*entry, compare func(a, b *entry) int) *order {
	if len(out) == 0 && len(in) == 0 {
		return o
	}
	type step struct {
		at    int
		entry *entry // nil: leave out the one at at
	}
	steps := make([]step, 0, len(out)+len(in))
	for _, e := range out {
		if i, ok := o.search(s, e, compare); ok {
			steps = append(steps, step{i, nil})
		}
	}
	for _, e := range in {
		i, _ := o.search(s, e, compare)
		steps = append(steps, step{i, e})
	}
	slices.SortFunc(steps, func(a, b step) int {
		switch {
		case a.at != b.at:
			return a.at - b.at
		case a.entry == nil || b.entry == nil: // put in before what is left out
			return boolInt(a.entry == nil) - boolInt(b.entry == nil)
		}
		return compare(a.entry, b.entry)
	})
	next := make([]uint32, 0, len(o.slots)+len(in))
	done := 0
	for _, one := range steps {
		next = append(next, o.slots[done:one.at]...)
		done = one.at
		if one.entry == nil {
			done++
		} else {
			next = append(next, one.entry.slot)
		}
	}
	return &order{slots: append(next, o.slots[done:]...)}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
