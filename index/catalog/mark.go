package catalog

import (
	"crypto/sha256"

	"github.com/oarlock/oarlock/artifact"
)

// A Mark stands for what a Snapshot says of one plugin, times aside: equal marks say
// the same. The zero Mark is a plugin of which nothing is said.
type Mark [sha256.Size]byte

// Mark is that of a plugin. It costs little: nothing is decoded.
func (s *Snapshot) Mark(id artifact.Name) Mark {
	if e := s.tree.get(id); e != nil {
		return e.leaf
	}
	return Mark{}
}
