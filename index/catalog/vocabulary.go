package catalog

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// A vocabulary is every word that shown plugins say, with the plugins that say
// it: an inverted index. It is never changed: edit gives a new one that shares
// the shelves of words that did not change.
type vocabulary struct {
	blocks []*wordBlock // by word; none empty

	mu   sync.Mutex
	near map[string][]nearWord // typos looked up before
}

type wordBlock struct {
	words []string
	signs []sign
	posts []postings
}

// The size from which a block of words is cut into pieces of half that.
const maxWords = 256

// A sign is enough of a word to rule out most words that are not near it: a
// bit per letter or digit that it holds, and its length.
type sign uint64

const signLetters = 1<<40 - 1

func signOf(word string) sign {
	var s sign
	n := 0
	for _, r := range word {
		n++
		switch {
		case r >= 'a' && r <= 'z':
			s |= 1 << (r - 'a')
		case r >= '0' && r <= '9':
			s |= 1 << (26 + r - '0')
		default:
			s |= 1 << (36 + r%4)
		}
	}
	return s | sign(n)<<40
}

// mayBeNear is false only where more than most edits are between the words:
// an edit changes the length by at most one and at most two letters.
func (s sign) mayBeNear(o sign, most int) bool {
	if d := int(s>>40) - int(o>>40); d > most || -d > most {
		return false
	}
	return bits.OnesCount64(uint64(s^o)&signLetters) <= 2*most
}

// locate finds the block that word is or would be in.
func (v *vocabulary) locate(word string) int {
	i, there := slices.BinarySearchFunc(v.blocks, word, func(b *wordBlock, word string) int { return strings.Compare(b.words[0], word) })
	if !there && i > 0 {
		i--
	}
	return i
}

// find gives the plugins that say word.
func (v *vocabulary) find(word string) postings {
	if len(v.blocks) == 0 {
		return nil
	}
	b := v.blocks[v.locate(word)]
	if i, ok := slices.BinarySearch(b.words, word); ok {
		return b.posts[i]
	}
	return nil
}

// from calls yield for every word that begins with prefix, in order.
func (v *vocabulary) from(prefix string) func(yield func(string, postings) bool) {
	return func(yield func(string, postings) bool) {
		for i := v.locate(prefix); i < len(v.blocks); i++ {
			b := v.blocks[i]
			at, _ := slices.BinarySearch(b.words, prefix)
			for ; at < len(b.words); at++ {
				if !strings.HasPrefix(b.words[at], prefix) || !yield(b.words[at], b.posts[at]) {
					return
				}
			}
		}
	}
}

// A nearWord is a word that another may have been meant for.
type nearWord struct {
	typos int
	posts postings
}

// maxNear bounds how many looked-up typos a vocabulary remembers.
const maxNear = 4096

// nearTo gives the words within most typos of word, nearest first.
func (v *vocabulary) nearTo(word string, most int) []nearWord {
	v.mu.Lock()
	found, ok := v.near[word]
	v.mu.Unlock()
	if ok {
		return found
	}
	want, pattern := signOf(word), newPattern(word)
	for _, b := range v.blocks {
		for i, s := range b.signs {
			if !s.mayBeNear(want, most) {
				continue
			}
			if d := pattern.distance(b.words[i]); d <= most && !(d == 1 && otherEnd(word, b.words[i])) {
				found = append(found, nearWord{d, b.posts[i]})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b nearWord) int { return cmp.Compare(a.typos, b.typos) })
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.near == nil || len(v.near) >= maxNear {
		v.near = map[string][]nearWord{}
	}
	v.near[strings.Clone(word)] = found
	return found
}

// otherEnd reports whether a and b differ in nothing but which letter is their
// last. Such words, "kubectx" and "kubectl", are two names rather than a name
// and a typo of it.
func otherEnd(a, b string) bool {
	_, n := utf8.DecodeLastRuneInString(a)
	_, m := utf8.DecodeLastRuneInString(b)
	return a[:len(a)-n] == b[:len(b)-m]
}

// A wordEdit says which plugins say a word from now on (with places) or no
// longer (without).
type wordEdit map[string]*[]posting

func (e wordEdit) set(word string, slot uint32, places uint8) {
	list := e[word]
	if list == nil {
		list = new([]posting)
		e[word] = list
	}
	*list = append(*list, newPosting(slot, places))
}

// doc changes what the plugin at slot says from old to new; either may be nil.
func (e wordEdit) doc(slot uint32, old, new *doc) {
	if old != nil {
		for w := range old.words {
			if new == nil || new.words[w] == 0 {
				e.set(w, slot, 0)
			}
		}
	}
	if new != nil {
		for w, places := range new.words {
			if old == nil || old.words[w] != places {
				e.set(w, slot, places)
			}
		}
	}
}

func (v *vocabulary) edit(e wordEdit) *vocabulary {
	if len(e) == 0 {
		return v
	}
	words := slices.Sorted(maps.Keys(e))
	next := &vocabulary{blocks: make([]*wordBlock, 0, len(v.blocks)+1)}
	if len(v.blocks) == 0 {
		next.append(new(wordBlock).edit(words, e))
	}
	for i, b := range v.blocks {
		mine := words
		if i+1 < len(v.blocks) {
			n, _ := slices.BinarySearch(words, v.blocks[i+1].words[0])
			mine = words[:n]
		}
		words = words[len(mine):]
		if len(mine) == 0 {
			next.blocks = append(next.blocks, b)
			continue
		}
		next.append(b.edit(mine, e))
	}
	return next
}

// append appends b in pieces of a good size.
func (v *vocabulary) append(b *wordBlock) {
	n := len(b.words)
	if n <= maxWords {
		if n > 0 {
			v.blocks = append(v.blocks, b)
		}
		return
	}
	for from := 0; from < n; from += maxWords / 2 {
		to := min(from+maxWords/2, n)
		v.blocks = append(v.blocks, &wordBlock{
			slices.Clone(b.words[from:to]), slices.Clone(b.signs[from:to]), slices.Clone(b.posts[from:to])})
	}
}

// edit applies e to the given words, which are in order.
func (b *wordBlock) edit(words []string, e wordEdit) *wordBlock {
	size := len(b.words) + len(words)
	next := &wordBlock{make([]string, 0, size), make([]sign, 0, size), make([]postings, 0, size)}
	done := 0
	for _, w := range words {
		changes := *e[w]
		slices.Sort(changes)
		n, there := slices.BinarySearch(b.words[done:], w)
		next.take(b, done, done+n)
		done += n
		var posts postings
		if there {
			w, posts = b.words[done], b.posts[done]
			done++
		}
		if posts = posts.edit(changes); len(posts) > 0 {
			next.words = append(next.words, strings.Clone(w))
			next.signs = append(next.signs, signOf(w))
			next.posts = append(next.posts, posts)
		}
	}
	next.take(b, done, len(b.words))
	return next
}

func (b *wordBlock) take(from *wordBlock, i, j int) {
	b.words = append(b.words, from.words[i:j]...)
	b.signs = append(b.signs, from.signs[i:j]...)
	b.posts = append(b.posts, from.posts[i:j]...)
}
