package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// A sense is a word of the catalog that a word of the text may mean.
type sense struct {
	near  int32
	posts postings
}

// senses are the words of the catalog that word may mean: itself, its plural
// or singular, what begins with it where it is the last of the text (it may
// still be being typed), and only where there is none of these, what it may be
// a typo of.
func (s *Snapshot) senses(word string, last bool) []sense {
	v := s.text
	var out []sense
	if last || isPiece(word) {
		for found, posts := range v.from(word) {
			if !s.says(posts) {
				continue
			}
			near := int32(nearPrefix)
			if found == word {
				near = nearExact
			}
			out = append(out, sense{near, posts})
		}
	} else if posts := v.find(word); posts != nil && s.says(posts) {
		out = append(out, sense{nearExact, posts})
	}
	for _, other := range plurals(word) {
		if posts := v.find(other); posts != nil && s.says(posts) {
			out = append(out, sense{nearPlural, posts})
		}
	}
	if most := typos(word); len(out) == 0 && most > 0 {
		for _, n := range v.nearTo(word, most) {
			if !s.says(n.posts) {
				continue
			}
			near := int32(nearOneTypo)
			if n.typos == 2 {
				near = nearTwoTypos
			}
			out = append(out, sense{near, n.posts})
		}
	}
	return out
}

var weights = func() (w [1 << placeBits]int32) {
	for places := range w {
		w[places] = int32(weightOf(uint8(places)))
	}
	return w
}()

// nameLevel is the least that the first word of a text scores in a plugin
// whose name may begin with the text: a prefix of the publisher.
const nameLevel = nearPrefix * 6

// match gives the slots of the plugins that say every word of text, and
// leaves their scores in c.score. Only slots in among are looked at; nil is all.
func (s *Snapshot) match(text string, among bitset, c *scratch) []uint32 {
	asked := tokens(text)
	matched := c.list[:0]
	var strong []uint32
	for i, word := range asked {
		senses := s.senses(word, i == len(asked)-1)
		if i == 0 {
			matched = c.first(senses, among, matched)
			for _, slot := range matched {
				if c.score[slot] >= nameLevel {
					strong = append(strong, slot)
				}
			}
		} else {
			matched = c.next(senses, matched)
		}
		if len(matched) == 0 {
			break
		}
	}
	c.list = matched
	whole := strings.Join(asked, " ")
	head := headOf(whole)
	for _, slot := range strong {
		if c.score[slot] > 0 && s.shelf.chunks[slot>>chunkBits].heads[slot%chunkSize].mayBegin(head, whole) {
			c.score[slot] += int32(s.shelf.entry(slot).bonus(whole))
		}
	}
	return matched
}

// first scores the first word: whatever says it is a match.
func (c *scratch) first(senses []sense, among bitset, matched []uint32) []uint32 {
	for _, src := range senses {
		for _, block := range src.posts {
			for _, p := range block {
				slot, score := p.slot(), src.near*weights[p.places()]
				if among != nil && !among.has(slot) {
					continue
				}
				if c.score[slot] == 0 {
					matched = append(matched, slot)
				}
				c.score[slot] = max(c.score[slot], score)
			}
		}
	}
	return matched
}

// next scores a further word: matches that do not say it are none.
func (c *scratch) next(senses []sense, matched []uint32) []uint32 {
	for _, src := range senses {
		if src.posts.len() > 16*len(matched) {
			for _, slot := range matched {
				c.best[slot] = max(c.best[slot], src.near*weights[src.posts.places(slot)])
			}
			continue
		}
		for _, block := range src.posts {
			for _, p := range block {
				if slot := p.slot(); c.score[slot] != 0 {
					c.best[slot] = max(c.best[slot], src.near*weights[p.places()])
				}
			}
		}
	}
	kept := matched[:0]
	for _, slot := range matched {
		if c.best[slot] == 0 {
			c.score[slot] = 0
			continue
		}
		c.score[slot] += c.best[slot]
		c.best[slot] = 0
		kept = append(kept, slot)
	}
	return kept
}

// places are those of the posting of one slot; 0 where there is none.
func (p postings) places(slot uint32) uint8 {
	i, found := slices.BinarySearchFunc(p, slot, func(block []posting, slot uint32) int { return cmp.Compare(block[0].slot(), slot) })
	if !found {
		if i--; i < 0 {
			return 0
		}
	}
	n, found := slices.BinarySearchFunc(p[i], slot, func(one posting, slot uint32) int { return cmp.Compare(one.slot(), slot) })
	if !found {
		return 0
	}
	return p[i][n].places()
}
