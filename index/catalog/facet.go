package catalog

import (
	"cmp"
	"slices"
)

// maxFacetValues is how many values of one facet an answer holds: those that
// most plugins have.
const maxFacetValues = 1000

// A tally counts the values of one facet.
type tally struct {
	name   string
	own    uint16 // bit of the facet's own filter
	lists  bool   // counts are by list, not by value
	of     func(*about, *meta) uint32
	counts []int32
	seen   []uint32
}

func (t *tally) add(n uint32) {
	if t.counts[n] == 0 {
		t.seen = append(t.seen, n)
	}
	t.counts[n]++
}

// tallies are those of the facets asked for that look at one version alone.
func (r *search) tallies() []*tally {
	var out []*tally
	for _, name := range r.q.Facets {
		t := newTally(name)
		if t == nil || slices.ContainsFunc(out, func(o *tally) bool { return o.name == name }) {
			continue
		}
		size := max(len(r.lex.values), 2)
		if t.lists {
			size = len(r.lex.lists)
		}
		t.counts = make([]int32, size)
		out = append(out, t)
	}
	return out
}

func newTally(name string) *tally {
	switch name {
	case FacetCategory:
		return &tally{name: name, own: failsCategory, lists: true, of: func(_ *about, m *meta) uint32 { return m.categories }}
	case FacetNiche:
		return &tally{name: name, own: failsNiche, lists: true, of: func(_ *about, m *meta) uint32 { return m.niches }}
	case FacetPublisher:
		return &tally{name: name, own: failsPublisher, of: func(a *about, _ *meta) uint32 { return a.publisher }}
	case FacetLicense:
		return &tally{name: name, own: failsLicense, lists: true, of: func(_ *about, m *meta) uint32 { return m.licenses }}
	case FacetTier:
		return &tally{name: name, own: failsTier, of: func(_ *about, m *meta) uint32 { return m.tier }}
	case FacetState:
		return &tally{name: name, own: failsState, of: func(a *about, _ *meta) uint32 { return a.state }}
	case FacetSource:
		return &tally{name: name, own: failsSource, of: func(a *about, _ *meta) uint32 { return a.source }}
	case FacetSignature:
		return &tally{name: name, own: failsSignature, of: func(_ *about, m *meta) uint32 { return m.signature }}
	case FacetPublisherVerified:
		return &tally{name: name, own: failsPublisherVerified, of: func(a *about, _ *meta) uint32 { return uint32(boolInt(a.verified)) }}
	case FacetVerified:
		return &tally{name: name, own: failsVerified, of: func(_ *about, m *meta) uint32 { return uint32(boolInt(m.verified)) }}
	}
	return nil
}

// values are the counts by text.
func (t *tally) values(lex *lexicon) map[string]int {
	if lex.cased && t.name != FacetVerified && t.name != FacetPublisherVerified {
		return mostFrequent(t.folded(lex))
	}
	out := map[string]int{}
	for _, n := range t.seen {
		count := int(t.counts[n])
		switch {
		case t.name == FacetVerified, t.name == FacetPublisherVerified:
			out[[]string{"false", "true"}[n]] = count
		case t.lists:
			for _, value := range lex.lists[n] {
				out[lex.values[value]] += count
			}
		case n != 0:
			out[lex.values[n]] = count
		}
	}
	return mostFrequent(out)
}

// folded are the counts where some values differ in case alone: those count
// as one, in the spelling of most plugins.
func (t *tally) folded(lex *lexicon) map[string]int {
	spelled, total := map[uint32]int{}, map[uint32]int{} // plugins by value, and by fold
	for _, n := range t.seen {
		values := []uint32{n}
		if t.lists {
			values = lex.lists[n]
		}
		for i, v := range values {
			spelled[v] += int(t.counts[n])
			if !slices.ContainsFunc(values[:i], func(o uint32) bool { return lex.folds[o] == lex.folds[v] }) {
				total[lex.folds[v]] += int(t.counts[n])
			}
		}
	}
	best := map[uint32]uint32{} // fold → value
	for v, count := range spelled {
		fold := lex.folds[v]
		if b, ok := best[fold]; !ok || cmp.Or(cmp.Compare(count, spelled[b]), cmp.Compare(lex.values[b], lex.values[v])) > 0 {
			best[fold] = v
		}
	}
	out := make(map[string]int, len(best))
	for fold, v := range best {
		if lex.values[v] != "" {
			out[lex.values[v]] = total[fold]
		}
	}
	return out
}

func mostFrequent(counts map[string]int) map[string]int {
	if len(counts) <= maxFacetValues {
		return counts
	}
	values := make([]string, 0, len(counts))
	for v := range counts {
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	for _, v := range values[maxFacetValues:] {
		delete(counts, v)
	}
	return counts
}

// channelFacet counts, for every channel, the plugins that the question would
// find in it.
func (r *search) channelFacet() map[string]int {
	fit := r.q.Fit
	fit.Channel, fit.Prerelease = "", true // a channel takes prereleases
	f := r.fitter(fit, &r.lex)
	counts := map[uint32]int{}
	r.everySlot(func(c *chunk, i uint32) {
		for _, p := range c.pointersOf(i) {
			one := &c.of(i)[p.trait]
			if f.fits(c.entries[i], one) && r.filter.fails(&c.about[i], &r.lex.metas[one.meta], &r.lex) == 0 {
				counts[p.channel]++
			}
		}
	})
	out := make(map[string]int, len(counts))
	for n, count := range counts {
		out[r.lex.values[n]] = count
	}
	return mostFrequent(out)
}

// everySlot calls do for every plugin that the text is found in, whatever
// version fits.
func (r *search) everySlot(do func(c *chunk, i uint32)) {
	if r.q.Text != "" {
		for _, slot := range r.matched {
			do(r.shelf.chunks[slot>>chunkBits], slot%chunkSize)
		}
		return
	}
	for n, c := range r.shelf.chunks {
		for i := range uint32(chunkSize) {
			if c.first[i] != c.first[i+1] && r.shows(uint32(n)<<chunkBits+i) {
				do(c, i)
			}
		}
	}
}
