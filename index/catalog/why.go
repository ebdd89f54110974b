package catalog

import (
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Why says of every version of a plugin whether it is in the answer to f, and
// every reason where it is not; tags that cannot be read as a version come
// last. Versions are newest first, and the first that fits is the one in the
// answer. Errors wrap artifact.ErrNotFound.
func (s *Snapshot) Why(id artifact.Name, f Fit) ([]index.WhyVersion, error) {
	p, ok := s.Plugin(id)
	if !ok {
		return nil, fmt.Errorf("plugin %q: %w", id, artifact.ErrNotFound)
	}
	out := make([]index.WhyVersion, 0, len(p.Versions)+len(p.Broken))
	chosen := ""
	for i := range p.Versions {
		v := &p.Versions[i]
		one := index.WhyVersion{Version: v.Version.String(), Digest: v.Digest, Reasons: misfits(p, v, f)}
		switch {
		case len(one.Reasons) > 0:
		case chosen == "":
			one.Included, chosen = true, one.Version
			one.Reasons = []index.Reason{}
		default:
			one.Reasons = []index.Reason{{Code: index.ReasonOlder, Detail: fmt.Sprintf("fits, and the newer %s fits too", chosen)}}
		}
		out = append(out, one)
	}
	for _, b := range p.Broken {
		out = append(out, index.WhyVersion{Version: b.Tag, Digest: b.Digest, Reasons: nonNil(b.Reasons)})
	}
	if len(p.Publisher.Problems) > 0 {
		out = append(out, index.WhyVersion{Version: "publisher " + p.ID.Publisher(), Reasons: p.Publisher.Problems})
	}
	return out, nil
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
