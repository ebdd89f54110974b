package registry

import "sync/atomic"

// Faults counts, since the process began, what was found wrong with stored
// bytes and what became of it.
type Faults struct {
	Seen   int64 // damaged bytes that a reader or a check met
	Aside  int64 // set aside
	Mended int64 // good again: pushed, fetched, or read from memory
	Now    int64 // set aside or missing at the moment, as far as this process knows
}

type faults struct{ seen, aside, mended atomic.Int64 }

// Faults says what was found wrong so far.
func (g *Registry) Faults() Faults {
	f := Faults{Seen: g.faults.seen.Load(), Aside: g.faults.aside.Load(), Mended: g.faults.mended.Load()}
	g.aside.Range(func(any, any) bool { f.Now++; return true })
	return f
}
