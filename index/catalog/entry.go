package catalog

import (
	"crypto/sha256"

	"github.com/oarlock/oarlock/artifact"
)

// An entry is one plugin inside a Snapshot.
type entry struct {
	id       artifact.Name
	record   string // canonical bytes
	leaf     [sha256.Size]byte
	versions int32
	pending  int32 // versions that wait for something
}

func newEntry(p *Plugin, words *words) *entry {
	record := encodeRecord(p)
	return entryOf(p, string(record), sha256.Sum256(record))
}

func entryOf(p *Plugin, record string, leaf [sha256.Size]byte) *entry {
	e := &entry{id: p.ID, record: record, leaf: leaf, versions: int32(len(p.Versions))}
	for i := range p.Versions {
		if len(p.Versions[i].Pending) > 0 {
			e.pending++
		}
	}
	return e
}

// sealed reports whether the record still has the digest that it was filed under.
func (e *entry) sealed() bool { return sha256.Sum256([]byte(e.record)) == e.leaf }
