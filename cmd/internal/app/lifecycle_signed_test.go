package app

import (
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// toldTo asks a catalog that has no index service behind it each cell that is no
// pull, as nobody in particular, and wants what the table says of the states.
func (w *cellWorld) toldTo(c client.Catalog, of func(table.State) table.State) {
	w.t.Helper()
	for i, s := range table.AllStates() {
		s = of(s)
		q := &cellQuestion{Catalog: c, t: w.t, id: mustName(w.t, w.ids[i]), state: s, digests: w.digests[w.ids[i]]}
		for _, o := range table.AllOperations() {
			if o == table.PullTag || o == table.PullDigest {
				continue
			}
			if got, want := q.asked(o), s.Cell(table.Anonymous, o); got != want {
				w.t.Errorf("%s, %s by the signed catalog: %+v, expected %+v", w.ids[i], o, got, want)
			}
		}
	}
}

// there is a state at a mirror: what is of one site alone is not there.
func there(s table.State) table.State {
	if s.Travels() {
		return s
	}
	return table.State{Plugin: index.StateActive}
}

// Proves E1, E12, C3 and C9 by the signed catalog alone: of each state it answers what
// the table says to nobody in particular, blocks and quarantine of its site included.
func TestEveryCellOfTheTableByTheSignedCatalog_E1_E12_C7(t *testing.T) {
	t.Parallel()
	w := openCells(t)
	_, c := published(t, w.Server)
	w.toldTo(c, func(s table.State) table.State { return s })
}
