package storage

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
func (s *Storage) Faults() Faults {
	f := Faults{Seen: s.faults.seen.Load(), Aside: s.faults.aside.Load(), Mended: s.faults.mended.Load()}
	s.aside.Range(func(any, any) bool { f.Now++; return true })
	return f
}

// SawDamage counts damage that a check met.
func (s *Storage) SawDamage() { s.faults.seen.Add(1) }
