package catalog

import "slices"

// A filter is what a Query asks of a plugin besides Fit and Text, as numbers.
type filter struct {
	categories, publishers, licenses, niches, tiers, states []uint32 // nil: any
	verified                                                *bool
	source                                                  uint32   // name or badge; 0: any
	has, builders                                           []uint32 // nil: any
}

// The bits of the filters that do not hold.
const (
	failsCategory = 1 << iota
	failsPublisher
	failsLicense
	failsNiche
	failsTier
	failsState
	failsVerified
	failsSource
	failsHas
	failsBuilder
)

func (s *Snapshot) newFilter(q *Query) filter {
	numbers := func(values []string) []uint32 {
		if len(values) == 0 {
			return nil
		}
		return s.words.numbers(values)
	}
	f := filter{
		categories: numbers(q.Categories), publishers: numbers(q.Publishers), licenses: numbers(q.Licenses),
		niches: numbers(q.Niches), tiers: numbers(q.Tiers), states: numbers(q.States), verified: q.Verified,
		has: numbers(q.Has), builders: numbers(q.Builders),
	}
	if q.Source != "" {
		f.source = s.words.numbers([]string{q.Source})[0]
	}
	return f
}

// open reports whether f takes everything.
func (f *filter) open() bool {
	return f.categories == nil && f.publishers == nil && f.licenses == nil && f.niches == nil &&
		f.tiers == nil && f.states == nil && f.verified == nil && f.source == 0 &&
		f.has == nil && f.builders == nil
}

// fails gives the bits of the filters that do not hold.
func (f *filter) fails(a *about, m *meta, lex *lexicon) (bits uint16) {
	if f.categories != nil && !overlap(f.categories, lex.lists[m.categories]) {
		bits |= failsCategory
	}
	if f.publishers != nil && !slices.Contains(f.publishers, a.publisher) {
		bits |= failsPublisher
	}
	if f.licenses != nil && !slices.Contains(f.licenses, m.license) {
		bits |= failsLicense
	}
	if f.niches != nil && !overlap(f.niches, lex.lists[m.niches]) {
		bits |= failsNiche
	}
	if f.tiers != nil && !slices.Contains(f.tiers, m.tier) {
		bits |= failsTier
	}
	if f.states != nil && !slices.Contains(f.states, a.state) {
		bits |= failsState
	}
	if f.verified != nil && *f.verified != m.verified {
		bits |= failsVerified
	}
	if f.source != 0 && f.source != a.source && f.source != a.badge {
		bits |= failsSource
	}
	if f.has != nil && !overlap(f.has, lex.lists[m.has]) {
		bits |= failsHas
	}
	if f.builders != nil && !overlap(f.builders, lex.lists[m.builders]) {
		bits |= failsBuilder
	}
	return bits
}

func overlap(a, b []uint32) bool {
	for _, n := range b {
		if slices.Contains(a, n) {
			return true
		}
	}
	return false
}
