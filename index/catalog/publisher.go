package catalog

import (
	"github.com/oarlock/oarlock/artifact"
	"slices"

	"github.com/oarlock/oarlock/index"
)

// A Publisher is what the ledger of a plugin's publisher says, as far as it
// shows in answers about the plugin.
type Publisher struct {
	Verified bool
	// Problems say why the ledger does not hold; only Why and details show them.
	Problems []index.Reason
}

// Equal reports whether both say the same.
func (p Publisher) Equal(o Publisher) bool {
	return p.Verified == o.Verified && slices.Equal(p.Problems, o.Problems)
}

// PluginsOf calls yield for every plugin of a publisher, in order of id.
func (s *Snapshot) PluginsOf(publisher string) func(yield func(*Plugin) bool) {
	return func(yield func(*Plugin) bool) {
		from, _ := slices.BinarySearchFunc(s.ids.slots, publisher, func(slot uint32, publisher string) int {
			if s.shelf.entry(slot).id.Publisher() < publisher {
				return -1
			}
			return 1
		})
		for _, slot := range s.ids.slots[from:] {
			e := s.shelf.entry(slot)
			if e.id.Publisher() != publisher {
				return
			}
			if s.shows(slot) && !yield(s.decode(e)) {
				return
			}
		}
	}
}

// ledgerProblems say what is wrong with the ledgers of p and of its publisher.
func (p *Plugin) ledgerProblems() []index.Reason {
	var out []index.Reason
	for _, b := range p.Broken {
		if b.Tag == artifact.StateTag {
			out = append(out, b.Reasons...)
		}
	}
	return append(out, p.Publisher.Problems...)
}
