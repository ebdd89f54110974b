package catalog

import (
	"cmp"
	"crypto/sha256"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// An entry is one plugin inside a Snapshot.
type entry struct {
	id     artifact.Name
	slot   uint32
	shown  bool   // has a listed version and takes installs
	raised bool   // is shown although it does not, see Snapshot.open
	record string // canonical bytes
	leaf   [sha256.Size]byte
	name   string // what it is sorted by in order of name
	times
	versions int32
	pending  int32 // versions that wait for something
	// withdrawn is nil where everybody may pull all of it.
	withdrawn *Withdrawn
	// names are the other plugins that the record names as replacements: who may
	// not know of one is shown the entry without it.
	names []artifact.Name
}

// sealed reports whether the record still has the digest that it was filed under.
func (e *entry) sealed() bool { return sha256.Sum256([]byte(e.record)) == e.leaf }

// deleted reports whether the name alone is left of it.
func (e *entry) deleted() bool {
	return e.withdrawn != nil && e.withdrawn.State.Plugin == index.StateDeleted
}

// plugin is what e says. Its record was read once before: by With, which wrote
// it, or by Load.
func (e *entry) plugin(w *words) (*Plugin, error) {
	p, _, err := decodeRecord(e.record, w)
	if err != nil {
		return nil, err
	}
	e.show(p)
	return p, nil
}

// draft is a plugin on its way into a Snapshot.
type draft struct {
	entry  *entry
	traits traits
	doc    *doc // nil where it is not shown
}

// newDraft reads all that a Snapshot keeps of p, which must be normal.
func newDraft(p *Plugin, w *words, claims bound) draft {
	record, masks := encodeRecord(p)
	return draftOf(p, string(record), masks, w, claims)
}

func draftOf(p *Plugin, record string, masks []uint64, w *words, claims bound) draft {
	e := &entry{id: p.ID, record: record, leaf: sha256.Sum256([]byte(record)), versions: int32(len(p.Versions))}
	for i := range p.Versions {
		if len(p.Versions[i].Pending) > 0 {
			e.pending++
		}
	}
	e.withdraw(p, w)
	e.names = p.names()
	d := draft{entry: e, traits: w.traitsOf(p, masks)}
	e.shown, e.times = len(d.traits.versions) > 0, timesOf(p, claims)
	if e.shown {
		face := p.face()
		e.name = nameKey(p, face)
		words := docOf(p, face)
		d.doc = &words
	}
	return d
}

// withdraw sets what of p, which may be skimmed, is withdrawn.
func (e *entry) withdraw(p *Plugin, w *words) {
	if p.withdrawn() == nil {
		return
	}
	whole, _, err := decodeRecord(e.record, w)
	if err != nil {
		whole = &Plugin{ID: e.id, Broken: []Broken{{Reasons: []index.Reason{{Code: index.ReasonUnreadable, Detail: err.Error()}}}}}
	}
	e.withdrawn = whole.withdrawn()
}

func byID(a, b *entry) int { return a.id.Compare(b.id) }

func byName(a, b *entry) int { return cmp.Or(cmp.Compare(a.name, b.name), byID(a, b)) }

func byUpdated(a, b *entry) int { return cmp.Or(cmp.Compare(b.updated, a.updated), byID(a, b)) }
