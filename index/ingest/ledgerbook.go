package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy/ledger"
)

// book is what the site knows of ledgers: what is served, and how far each was
// seen to go. The second only grows, and outlives the process: it is how a
// ledger that was cut or replaced is noticed. It enters what is derived only
// then: the last state that held stays.
type book struct {
	path string

	mu       sync.Mutex
	serving  map[string]publisherStanding    // by publisher
	memory   map[format.Ref]memory           // of ledgers that held once
	problems map[format.Ref]ledger.Judgement // of those that do not hold
	dirty    bool
	read     bool // the ledgers of publishers were read since the start
}

type memory struct {
	Head format.Head `json:"head"`
	// State is the last one that held, by the platforms that Trust names.
	State ledger.State  `json:"state"`
	Trust digest.Digest `json:"trust"`
}

// openBook fails where the memory is there and cannot be read. It is the one
// record of what was seen, and without it a ledger that was cut would be taken
// for whole: the plugin that was removed in an emergency would be back.
func openBook(o Options) (*book, error) {
	b := &book{path: o.LedgerMemory, serving: map[string]publisherStanding{}, memory: map[format.Ref]memory{}, problems: map[format.Ref]ledger.Judgement{}}
	if o.Ledgers == nil || b.path == "" {
		return b, nil
	}
	raw, err := os.ReadFile(b.path)
	if err == nil {
		b.memory, err = readMemory(raw)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("memory of ledgers: %s: %w: restore the file from a backup; "+
			"to start without it, move it away: what was cut from a ledger before then goes unnoticed", b.path, err)
	}
	for ref, m := range b.memory {
		if ref.OfPublisher() && m.Trust == o.Ledgers.Digest() {
			s := publisherStanding{Standing: ledger.Standing{Judgement: ledger.Judgement{Ref: ref, Head: m.Head, State: m.State}, Counts: m.State}}
			s.keys = s.SigningKeys(m.State)
			b.serving[ref.Publisher()] = s
		}
	}
	return b, nil
}

// readMemory holds the memory to what save writes: each ledger with the place that
// it was seen to go to.
func readMemory(raw []byte) (map[format.Ref]memory, error) {
	var all map[format.Ref]memory
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	if all == nil {
		return nil, errors.New("null came, expected an object")
	}
	for ref, m := range all {
		if m.Head.IsZero() {
			return nil, fmt.Errorf("ledger %s has no head", ref)
		}
	}
	return all, nil
}

// save writes the memory where it changed.
func (b *book) save() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.dirty || b.path == "" {
		return nil
	}
	raw, err := json.Marshal(b.memory)
	if err != nil {
		return err
	}
	if err := durable.Replace(b.path, raw, 0o600); err != nil {
		return fmt.Errorf("memory of ledgers: %w", err)
	}
	b.dirty = false
	return nil
}

func (b *book) head(ref format.Ref) format.Head {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.memory[ref].Head
}

func (b *book) state(ref format.Ref) ledger.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.memory[ref].State
}

func (b *book) standing(publisher string) (publisherStanding, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.serving[publisher]
	return s, ok
}

// shown is what answers say of a publisher.
func (b *book) shown(publisher string) catalog.Publisher {
	s, _ := b.standing(publisher)
	return s.shown()
}

// plugins are what the ledgers of plugins say, of those that want lets through.
func (b *book) plugins(want func(artifact.Name) bool) map[artifact.Name]ledger.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[artifact.Name]ledger.State{}
	for ref, known := range b.memory {
		if !ref.OfPublisher() && !known.State.Head.IsZero() && want(ref.Plugin()) {
			out[ref.Plugin()] = known.State
		}
	}
	return out
}

func (b *book) refs() []format.Ref {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.memory))
}

// publishers are those whose ledgers are remembered.
func (b *book) publishers() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for ref := range b.memory {
		if ref.OfPublisher() {
			out = append(out, ref.Publisher())
		}
	}
	return out
}

// bad are the judgements of ledgers that do not hold, by name.
func (b *book) bad() []ledger.Judgement {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.problems), func(x, y ledger.Judgement) int { return strings.Compare(x.Ref.String(), y.Ref.String()) })
}

// note remembers what holds, tells what does not, once, and gives the state that
// counts. It is not vouched for where the ledger does not hold and what it said
// before was by platforms that are trusted no more: then the state is what the
// ledger says up to where it fails.
func (b *book) note(log *slog.Logger, j ledger.Judgement, trust digest.Digest) (counts ledger.State, vouched bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tell(log, j)
	m, known := b.memory[j.Ref]
	switch {
	case j.Kept && j.State.Head.IsZero():
		return j.State, true
	case j.Kept:
		if m.Head != j.State.Head || m.Trust != trust {
			b.memory[j.Ref], b.dirty = memory{j.State.Head, j.State, trust}, true
		}
		return j.State, true
	case m.Trust == trust:
		return m.State, true
	}
	return j.State, !known
}

// tell is called with mu held.
func (b *book) tell(log *slog.Logger, j ledger.Judgement) {
	said, was := b.problems[j.Ref]
	now := j.Problems()
	switch {
	case len(now) > 0 && (!was || findingsText(said.Problems()) != findingsText(now)):
		log.Error("ledger does not hold, what was known of it stays", "alert", true, "ledger", j.Ref.String(), "digest", j.List, "finding", findingsText(now))
	case len(now) == 0 && was:
		log.Info("ledger holds again", "ledger", j.Ref.String(), "head", j.Head.String())
	}
	if len(now) > 0 {
		b.problems[j.Ref] = j
	} else {
		delete(b.problems, j.Ref)
	}
}

// install replaces what is served, and names the publishers of which something
// else shows.
func (b *book) install(all map[string]publisherStanding) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var changed []string
	for name, s := range all {
		if !s.shown().Equal(b.serving[name].shown()) {
			changed = append(changed, name)
		}
	}
	for name, s := range b.serving {
		if _, still := all[name]; !still && !s.shown().Equal(catalog.Publisher{}) {
			changed = append(changed, name)
		}
	}
	b.serving, b.read = all, true
	slices.Sort(changed)
	return changed
}

// served is what is served now, for restore to go back to.
func (b *book) served() map[string]publisherStanding {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.serving
}

func (b *book) restore(serving map[string]publisherStanding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serving = serving
}
