package catalog

import (
	"cmp"
	"slices"
)

// A posting is one plugin that says a word: its slot, and in the low bits the
// places where the word stands.
type posting uint32

const placeBits = 4

func newPosting(slot uint32, places uint8) posting { return posting(slot<<placeBits | uint32(places)) }

func (p posting) slot() uint32  { return uint32(p) >> placeBits }
func (p posting) places() uint8 { return uint8(p) & (1<<placeBits - 1) }

// postings are the plugins of one word by slot, in blocks, so that a change
// copies one block. They are never changed: edit gives new ones.
type postings [][]posting

// The size from which a block is halved.
const maxPostings = 2048

func (p postings) len() int {
	n := 0
	for _, block := range p {
		n += len(block)
	}
	return n
}

// edit sets the postings of changes, which are by slot and each slot once; one
// without places takes the slot out.
func (p postings) edit(changes []posting) postings {
	if len(p) == 0 {
		return appendBlock(nil, merge(nil, changes))
	}
	out := make(postings, 0, len(p)+1)
	for i, block := range p {
		mine := changes
		if i+1 < len(p) {
			next := p[i+1][0].slot()
			n, _ := slices.BinarySearchFunc(changes, next, func(c posting, slot uint32) int { return cmp.Compare(c.slot(), slot) })
			mine = changes[:n]
		}
		changes = changes[len(mine):]
		if len(mine) == 0 {
			out = append(out, block)
			continue
		}
		out = appendBlock(out, merge(block, mine))
	}
	return out
}

// appendBlock appends block in pieces of a good size.
func appendBlock(out postings, block []posting) postings {
	if len(block) <= maxPostings {
		if len(block) > 0 {
			out = append(out, block)
		}
		return out
	}
	for piece := range slices.Chunk(block, maxPostings/2) {
		out = append(out, slices.Clone(piece))
	}
	return out
}

func merge(block, changes []posting) []posting {
	out := make([]posting, 0, len(block)+len(changes))
	for _, c := range changes {
		n, there := slices.BinarySearchFunc(block, c.slot(), func(p posting, slot uint32) int { return cmp.Compare(p.slot(), slot) })
		out = append(out, block[:n]...)
		block = block[n:]
		if there {
			block = block[1:]
		}
		if c.places() != 0 {
			out = append(out, c)
		}
	}
	return append(out, block...)
}
