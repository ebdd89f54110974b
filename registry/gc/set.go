package gc

import (
	"encoding/hex"
	"slices"

	"github.com/opencontainers/go-digest"
)

// set holds digests in eight bytes each. Two digests that begin alike count
// as one, which can only keep more than needed.
type set struct{ keys []uint64 }

func (s *set) add(d digest.Digest) { s.keys = append(s.keys, key(d)) }

// seal must be called once after the last add and before the first has.
func (s *set) seal() {
	slices.Sort(s.keys)
	s.keys = slices.Compact(s.keys)
}

func (s *set) has(d digest.Digest) bool {
	_, ok := slices.BinarySearch(s.keys, key(d))
	return ok
}

func key(d digest.Digest) (k uint64) {
	raw, err := hex.DecodeString(d.Encoded()[:16])
	if err != nil {
		return 0
	}
	for _, b := range raw {
		k = k<<8 | uint64(b)
	}
	return k
}
