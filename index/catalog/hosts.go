package catalog

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// maxHostVersions is how many versions of one host Hosts names: the newest.
const maxHostVersions = 30

// Hosts are the hosts that listed versions of s name, by id, each with the
// versions that their ranges are written with, newest first. It goes through
// every listed version, so keep what it gives for the digest of s.
func (s *Snapshot) Hosts() []index.HostNamed {
	lex := s.words.lexicon()
	lists := map[uint32]bool{}
	for n, c := range s.shelf.chunks {
		for i := range uint32(chunkSize) {
			if c.first[i] != c.first[i+1] && s.shows(uint32(n)<<chunkBits+i) {
				for _, f := range c.of(i) {
					lists[f.engines] = true
				}
			}
		}
	}
	versions := map[artifact.HostID]map[string]artifact.HostVersion{}
	for list := range lists {
		for _, e := range lex.engines[list] {
			if versions[e.host] == nil {
				versions[e.host] = map[string]artifact.HostVersion{}
			}
			for _, text := range versionInRange.FindAllString(e.rng.String(), -1) {
				if v, err := artifact.ParseHostVersion(text); err == nil {
					versions[e.host][v.String()] = v
				}
			}
		}
	}
	out := []index.HostNamed{}
	for _, host := range slices.SortedFunc(maps.Keys(versions), func(a, b artifact.HostID) int { return strings.Compare(a.String(), b.String()) }) {
		named := slices.SortedFunc(maps.Values(versions[host]), func(a, b artifact.HostVersion) int { return b.Compare(a) })
		h := index.HostNamed{ID: host.String(), Versions: []string{}}
		for _, v := range named[:min(len(named), maxHostVersions)] {
			h.Versions = append(h.Versions, v.String())
		}
		out = append(out, h)
	}
	return out
}

var versionInRange = regexp.MustCompile(`[0-9]+(?:\.[0-9]+){0,2}(?:-[0-9A-Za-z.-]+)?`)
