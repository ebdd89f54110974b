package catalog

import "unicode/utf8"

// A pattern is a word made ready for measuring how far many others are from
// it: for every letter a bit at each place where it stands.
type pattern struct {
	ascii [utf8.RuneSelf]uint64
	other map[rune]uint64
	last  uint64 // the bit of the last letter
	n     int
}

// newPattern takes words of at most maxWord bytes, which is all that tokens gives.
func newPattern(word string) *pattern {
	p := new(pattern)
	for _, r := range word[:min(len(word), maxWord)] {
		p.last = 1 << p.n
		if r < utf8.RuneSelf {
			p.ascii[r] |= p.last
		} else {
			if p.other == nil {
				p.other = map[rune]uint64{}
			}
			p.other[r] |= p.last
		}
		p.n++
	}
	return p
}

// distance is how many letters must be changed, added, left out or swapped
// with their neighbour to make word of p: optimal string alignment, computed
// with one column of the table in the bits of a few words.
//
// Source: H. Hyyrö, A bit-vector algorithm for computing Levenshtein and
// Damerau edit distances, 2003.
func (p *pattern) distance(word string) int {
	distance, up, down, diagonal, before := p.n, ^uint64(0), uint64(0), uint64(0), uint64(0)
	for _, r := range word {
		var match uint64
		if r < utf8.RuneSelf {
			match = p.ascii[r]
		} else {
			match = p.other[r]
		}
		swapped := (^diagonal & match) << 1 & before
		diagonal = ((match&up + up) ^ up) | match | down | swapped
		right, left := down|^(diagonal|up), diagonal&up
		switch {
		case right&p.last != 0:
			distance++
		case left&p.last != 0:
			distance--
		}
		right, left = right<<1|1, left<<1
		up, down, before = left|^(diagonal|right), right&diagonal, match
	}
	return distance
}
