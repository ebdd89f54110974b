package catalog

import (
	"math/bits"
	"slices"

	"github.com/oarlock/oarlock/artifact"
)

// A bitset is a set of slots.
type bitset []uint64

func newBitset(slots int) bitset { return make(bitset, (slots+63)/64) }

func (b bitset) has(slot uint32) bool { return b[slot>>6]&(1<<(slot&63)) != 0 }
func (b bitset) add(slot uint32)      { b[slot>>6] |= 1 << (slot & 63) }
func (b bitset) remove(slot uint32)   { b[slot>>6] &^= 1 << (slot & 63) }
func (b bitset) flip(slot uint32)     { b[slot>>6] ^= 1 << (slot & 63) }

// all calls yield for every slot in b.
func (b bitset) all(yield func(uint32) bool) {
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			if !yield(uint32(i<<6 + bits.TrailingZeros64(word))) {
				return
			}
		}
	}
}

// A view is the answer to one Fit, of all plugins: which version is the newest
// that fits. It is never changed.
type view struct {
	in    bitset
	count int
	at    []uint16 // index of the version's trait, by slot
}

// fill looks at the plugin of one slot again.
func (v *view) fill(c *chunk, slot uint32, f *fitter) {
	at, ok := f.choose(c, slot%chunkSize)
	if was := v.in.has(slot); ok != was {
		v.in.flip(slot)
		v.count += boolInt(ok) - boolInt(was)
	}
	v.at[slot] = at
}

// newView looks at every plugin.
func newView(s *shelf, f *fitter) *view {
	v := &view{in: newBitset(s.slots), at: make([]uint16, s.slots)}
	for n, c := range s.chunks {
		base := uint32(n) << chunkBits
		if f.channel != 0 && len(c.pointers) == 0 {
			continue
		}
		for i := range min(uint32(chunkSize), uint32(s.slots)-base) {
			if at, ok := f.choose(c, i); ok {
				v.in.add(base + i)
				v.at[base+i] = at
				v.count++
			}
		}
	}
	return v
}

// patched is v for a shelf that differs in the given slots.
func (v *view) patched(s *shelf, slots []uint32, f *fitter) *view {
	next := &view{in: newBitset(s.slots), count: v.count, at: make([]uint16, s.slots)}
	copy(next.in, v.in)
	copy(next.at, v.at)
	for _, slot := range slots {
		next.fill(s.chunks[slot>>chunkBits], slot, f)
	}
	return next
}

// A fitter decides a Fit by traits.
type fitter struct {
	compat     []bool // by set of engines; nil: any
	runs       []bool // by set of builds; nil: any
	channel    uint32 // 0: none
	prerelease bool
	age        *aging // nil: any
}

func (s *Snapshot) fitter(f Fit, lex *lexicon) *fitter {
	out := &fitter{prerelease: f.Prerelease, age: f.Age.aging(s.words)}
	if !f.Host.IsZero() {
		out.compat = s.words.compatFor(f.Host, f.HostVersion, lex.engines)
	}
	if !f.Platform.IsZero() {
		out.runs = make([]bool, len(lex.builds))
		for i, set := range lex.builds {
			out.runs[i] = anyRuns(f.Platform, set)
		}
	}
	if f.Channel != "" {
		out.channel = s.words.number(f.Channel)
	}
	return out
}

func anyRuns(p artifact.Platform, set []artifact.Platform) bool {
	return len(set) == 0 || slices.ContainsFunc(set, p.Runs)
}

func (f *fitter) fits(e *entry, one *trait) bool {
	return (f.compat == nil || f.compat[one.engines]) &&
		(f.runs == nil || f.runs[one.builds]) &&
		(f.prerelease || f.channel != 0 || !one.prerelease()) &&
		(f.age == nil || f.age.old(e, one))
}

// choose is the newest version of the plugin at i that fits, by index of its trait.
func (f *fitter) choose(c *chunk, i uint32) (uint16, bool) {
	if f.channel != 0 {
		return f.pointed(c, i)
	}
	all := c.of(i)
	for n := range all {
		if f.fits(c.entries[i], &all[n]) {
			return uint16(n), true
		}
	}
	return 0, false
}

func (f *fitter) pointed(c *chunk, i uint32) (uint16, bool) {
	for _, p := range c.pointersOf(i) {
		if p.channel == f.channel && f.fits(c.entries[i], &c.of(i)[p.trait]) {
			return p.trait, true
		}
	}
	return 0, false
}
