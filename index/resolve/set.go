package resolve

import "math/bits"

// A set of values of one variable: bit 0 is "absent", bit i+1 is candidate i.
// Sets of one variable all have the same length.
type set []uint64

const absent = 0

func newSet(values int) set { return make(set, (values+63)/64) }

func fullSet(values int) set {
	s := newSet(values)
	for i := range values {
		s.add(i)
	}
	return s
}

func (s set) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s set) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s set) and(o set) set {
	out := make(set, len(s))
	for i := range s {
		out[i] = s[i] & o[i]
	}
	return out
}

func (s set) or(o set) set {
	out := make(set, len(s))
	for i := range s {
		out[i] = s[i] | o[i]
	}
	return out
}

func (s set) minus(o set) set {
	out := make(set, len(s))
	for i := range s {
		out[i] = s[i] &^ o[i]
	}
	return out
}

// within reports whether every value of s is in o.
func (s set) within(o set) bool {
	for i := range s {
		if s[i]&^o[i] != 0 {
			return false
		}
	}
	return true
}

// apart reports whether s and o share no value.
func (s set) apart(o set) bool {
	for i := range s {
		if s[i]&o[i] != 0 {
			return false
		}
	}
	return true
}

// first is the lowest value, -1 for an empty set.
func (s set) first() int {
	for i, w := range s {
		if w != 0 {
			return i*64 + bits.TrailingZeros64(w)
		}
	}
	return -1
}
