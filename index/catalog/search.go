package catalog

import (
	"math/bits"
	"slices"
	"sync"
)

// Query answers q. env may be nil; it is asked only where the order needs it.
// Errors wrap artifact.ErrInvalid for a question that cannot be answered, and
// ErrGenerationGone for a cursor of another catalog.
func (s *Snapshot) Query(q Query, env Joins) (Result, error) {
	q, err := q.checked()
	if err != nil {
		return Result{}, err
	}
	if err := q.sortable(env); err != nil {
		return Result{}, err
	}
	if q.raises() {
		s = s.open()
	}
	var after *cursor
	if q.Cursor != "" {
		c, err := s.cursorFor(&q)
		if err != nil {
			return Result{}, err
		}
		after = &c
	}
	run := search{Snapshot: s, q: &q, env: env, lex: s.words.lexicon(), scratch: scratches.Get().(*scratch)}
	defer run.done()
	run.scratch.grow(s.shelf.slots)
	run.view = s.view(q.Fit, &run.lex)
	run.in, run.count = run.fitting()
	run.filter = s.newFilter(&q)
	if q.Text != "" {
		among := run.in
		if slices.Contains(q.Facets, FacetPlatform) || slices.Contains(q.Facets, FacetChannel) {
			among = s.mask // these count what fits other questions too
		}
		run.matched = s.match(q.Text, among, run.scratch)
	}
	res := Result{Facets: run.scan()}
	res.Total = run.total
	page, more := run.page(after)
	res.Items = make([]Hit, len(page))
	for i, r := range page {
		p := s.decode(s.shelf.entry(r.slot))
		res.Items[i] = Hit{Plugin: p, Version: &p.Versions[run.trait(r.slot).version()], Score: int(run.scratch.score[r.slot])}
	}
	if more {
		last := page[len(page)-1]
		e, key := s.shelf.entry(last.slot), last.key
		if q.Sort == SortUpdated {
			key = descending(e.updated)
		}
		res.NextCursor = cursor{q.Generation, s.shortDigest(), q.question(), key, e.id}.String()
	}
	return res, nil
}

// A search is one Query on its way.
type search struct {
	*Snapshot
	q      *Query
	env    Joins
	lex    lexicon
	view   *view
	in     bitset // slots of s that have a version that fits
	count  int    // of in
	filter filter

	matched []uint32 // slots that the text is found in; nil without text
	hits    bitset   // slots of the answer
	total   int
	scratch *scratch
}

// scratch is memory that searches use one after the other. All of it is zero
// between two searches.
type scratch struct {
	score []int32 // of the text, by slot
	best  []int32 // of one word, by slot
	list  []uint32
	bits  bitset
	seen  bitset // not zero between two searches
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (c *scratch) grow(slots int) {
	if len(c.score) < slots {
		c.score, c.best, c.bits, c.seen = make([]int32, slots), make([]int32, slots), newBitset(slots), newBitset(slots)
	}
}

// fitting are the slots of the view that are part of the snapshot.
func (r *search) fitting() (in bitset, count int) {
	if r.mask == nil {
		return r.view.in, r.view.count
	}
	in = r.scratch.seen[:len(r.view.in)]
	for i, word := range r.view.in {
		in[i] = word & r.mask[i]
		count += bits.OnesCount64(in[i])
	}
	return in, count
}

func (r *search) done() {
	for _, slot := range r.matched {
		r.scratch.score[slot] = 0
	}
	clear(r.scratch.bits)
	scratches.Put(r.scratch)
}

// candidates calls yield for every slot that the text is found in and that has
// a version that fits.
func (r *search) candidates(yield func(uint32) bool) {
	if r.q.Text == "" {
		r.in.all(yield)
		return
	}
	for _, slot := range r.matched {
		if r.in.has(slot) && !yield(slot) {
			return
		}
	}
}

// scan finds the hits and counts the facets that were asked for.
func (r *search) scan() map[string]map[string]int {
	tallies := r.tallies()
	if r.q.Text == "" && r.filter.open() && len(tallies) == 0 {
		r.hits, r.total = r.in, r.count
	} else {
		r.hits = r.scratch.bits
		for slot := range r.candidates {
			r.look(slot, tallies)
		}
	}
	if len(r.q.Facets) == 0 {
		return nil
	}
	out := make(map[string]map[string]int, len(r.q.Facets))
	for _, t := range tallies {
		out[t.name] = t.values(&r.lex)
	}
	for _, name := range r.q.Facets {
		switch name {
		case FacetPlatform:
			out[name] = r.platformFacet()
		case FacetChannel:
			out[name] = r.channelFacet()
		}
	}
	return out
}

func (r *search) look(slot uint32, tallies []*tally) {
	about, meta := &r.shelf.chunks[slot>>chunkBits].about[slot%chunkSize], &r.lex.metas[r.trait(slot).meta]
	fails := r.filter.fails(about, meta, &r.lex)
	if fails == 0 {
		r.hits.add(slot)
		r.total++
	}
	for _, t := range tallies {
		if fails&^t.own == 0 {
			t.add(t.of(about, meta))
		}
	}
}

// trait is that of the version which the view chose for slot.
func (r *search) trait(slot uint32) *trait {
	return &r.shelf.chunks[slot>>chunkBits].of(slot % chunkSize)[r.view.at[slot]]
}
