package catalog

import "slices"

// A filter is what a Query asks of a plugin besides Fit and Text, as numbers.
type filter struct {
	categories, publishers, licenses, niches, tiers, states []uint32 // folds; nil: any
	signatures                                              []uint32 // nil: any
	verified, publisherVerified                             *bool
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
	failsSignature
	failsPublisherVerified
)

func (s *Snapshot) newFilter(q *Query) filter {
	numbers := func(values []string) []uint32 {
		if len(values) == 0 {
			return nil
		}
		return s.words.numbers(values)
	}
	f := filter{
		categories: numbers(q.Categories), publishers: numbers(q.Publishers), licenses: numbers(choicesOf(q.Licenses)),
		niches: numbers(q.Niches), tiers: numbers(q.Tiers), states: numbers(q.States), verified: q.Verified,
		signatures: numbers(q.Signatures), publisherVerified: q.PublisherVerified,
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
		f.has == nil && f.builders == nil && f.signatures == nil && f.publisherVerified == nil
}

// fails gives the bits of the filters that do not hold.
func (f *filter) fails(a *about, m *meta, lex *lexicon) (bits uint16) {
	if f.categories != nil && !lex.overlap(f.categories, m.categories) {
		bits |= failsCategory
	}
	if f.publishers != nil && !slices.Contains(f.publishers, lex.folds[a.publisher]) {
		bits |= failsPublisher
	}
	if f.licenses != nil && !lex.overlap(f.licenses, m.licenses) {
		bits |= failsLicense
	}
	if f.niches != nil && !lex.overlap(f.niches, m.niches) {
		bits |= failsNiche
	}
	if f.tiers != nil && !slices.Contains(f.tiers, lex.folds[m.tier]) {
		bits |= failsTier
	}
	if f.states != nil && !slices.Contains(f.states, lex.folds[a.state]) {
		bits |= failsState
	}
	if f.verified != nil && *f.verified != m.verified {
		bits |= failsVerified
	}
	if f.source != 0 && f.source != lex.folds[a.source] && f.source != lex.folds[a.badge] {
		bits |= failsSource
	}
	if f.has != nil && !lex.overlap(f.has, m.has) {
		bits |= failsHas
	}
	if f.builders != nil && !lex.overlap(f.builders, m.builders) {
		bits |= failsBuilder
	}
	if f.signatures != nil && !slices.Contains(f.signatures, lex.folds[m.signature]) {
		bits |= failsSignature
	}
	if f.publisherVerified != nil && *f.publisherVerified != a.verified {
		bits |= failsPublisherVerified
	}
	return bits
}

// overlap reports whether a value of a list is one of folds.
func (lex *lexicon) overlap(folds []uint32, list uint32) bool {
	for _, n := range lex.lists[list] {
		if slices.Contains(folds, lex.folds[n]) {
			return true
		}
	}
	return false
}
