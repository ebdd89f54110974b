package catalog

import (
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/oarlock/oarlock/artifact"
)

// words are the values that many plugins say, each kept once and numbered, for
// a line of snapshots that grow from each other. Numbers are only handed out,
// never changed or taken back, so what a reader took stays right.
type words struct {
	mu      sync.RWMutex
	ranges  map[string]artifact.Range
	parsed  map[string]artifact.Version       // the first maxParsed of them
	values  dict[string, string]              // publishers, categories, licences, channels, …; 0 is ""
	folds   []uint32                          // by value: the first value that differs from it in case alone
	folded  map[string]uint32                 // lower case → that first value
	cased   bool                              // there are values that differ in case alone
	lists   dict[string, []uint32]            // of values; 0 is empty
	metas   dict[meta, meta]                  // what filters look at in a version
	engines dict[string, []engine]            // of a version; 0 is none
	builds  dict[string, []artifact.Platform] // of a version; 0 is none, which runs anywhere

	compat  *lru.Cache[hostAt, *compat]
	decoded *lru.Cache[*entry, *Plugin]
}

// A meta is what filters and facets look at in a version, as numbers.
type meta struct {
	categories, niches uint32 // lists
	licenses           uint32 // list, of which one is enough
	tier, signature    uint32 // values
	verified           bool
	has, builders      uint32 // lists, of verified attestations
}

// An engine is one host that a version names.
type engine struct {
	host artifact.HostID
	rng  artifact.Range
}

// A dict numbers values of type V by their key.
type dict[K comparable, V any] struct {
	ids   map[K]uint32
	items []V
}

func (d *dict[K, V]) id(key K, value func() V) uint32 {
	if n, ok := d.ids[key]; ok {
		return n
	}
	if d.ids == nil {
		d.ids = map[K]uint32{}
	}
	n := uint32(len(d.items))
	d.ids[key] = n
	d.items = append(d.items, value())
	return n
}

// How many host versions, decoded plugins and parsed versions are remembered.
const (
	maxCompat  = 256
	maxDecoded = 4096
	maxParsed  = 1 << 16
)

func newWords() *words {
	w := &words{ranges: map[string]artifact.Range{}, parsed: map[string]artifact.Version{}, folded: map[string]uint32{}}
	w.compat, _ = lru.New[hostAt, *compat](maxCompat)
	w.decoded, _ = lru.New[*entry, *Plugin](maxDecoded)
	w.value("")
	w.lists.id("", func() []uint32 { return nil })
	w.engines.id("", func() []engine { return nil })
	w.builds.id("", func() []artifact.Platform { return nil })
	return w
}

// rng parses a range once.
func (w *words) rng(text string) (artifact.Range, error) {
	w.mu.RLock()
	r, ok := w.ranges[text]
	w.mu.RUnlock()
	if ok {
		return r, nil
	}
	r, err := artifact.ParseRange(text)
	if err != nil {
		return r, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ranges[strings.Clone(r.String())] = r
	return r, nil
}

// version parses a version once, as long as there are not too many.
func (w *words) version(text string) (artifact.Version, error) {
	w.mu.RLock()
	v, ok := w.parsed[text]
	full := len(w.parsed) >= maxParsed
	w.mu.RUnlock()
	if ok {
		return v, nil
	}
	v, err := artifact.ParseVersion(strings.Clone(text))
	if err != nil || full {
		return v, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parsed[v.String()] = v
	return v, nil
}

// A lexicon is what can be read of words at one moment, without a lock.
type lexicon struct {
	values  []string
	folds   []uint32
	cased   bool
	lists   [][]uint32
	metas   []meta
	engines [][]engine
	builds  [][]artifact.Platform
}

func (w *words) lexicon() lexicon {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return lexicon{w.values.items, w.folds, w.cased, w.lists.items, w.metas.items, w.engines.items, w.builds.items}
}

// unknown is the number of a value that nobody said.
const unknown = ^uint32(0)

// number is that of a value that was said, and unknown for another.
func (w *words) number(value string) uint32 {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if n, ok := w.values.ids[value]; ok && value != "" {
		return n
	}
	return unknown
}

// numbers are the folds of values that were said, in whatever case, and
// unknown for the others.
func (w *words) numbers(values []string) []uint32 {
	w.mu.RLock()
	defer w.mu.RUnlock()
	out := make([]uint32, len(values))
	for i, v := range values {
		n, ok := w.folded[strings.ToLower(v)]
		if !ok || v == "" {
			n = unknown
		}
		out[i] = n
	}
	return out
}
