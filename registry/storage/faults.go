package storage

import "sync/atomic"

// Faults counts, since the process began, what was found wrong with stored
// bytes and what became of it.
type Faults struct {
	Found       int64 // damaged bytes that a reader or a check met
	Quarantined int64 // moved into quarantine
	Mended      int64 // good again: pushed, fetched, or read from memory
	Now         int64 // in quarantine or missing at the moment, as far as this process knows
}

type faults struct{ found, quarantined, mended atomic.Int64 }

// Faults says what was found wrong so far.
func (s *Storage) Faults() Faults {
	f := Faults{Found: s.faults.found.Load(), Quarantined: s.faults.quarantined.Load(), Mended: s.faults.mended.Load()}
	s.quarantined.Range(func(any, any) bool { f.Now++; return true })
	return f
}

// SawDamage counts damage that a check met.
func (s *Storage) SawDamage() { s.faults.found.Add(1) }
