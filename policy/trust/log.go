package trust

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// Logs are the publication logs of other sites whose proofs say since when a version is
// public, by their keys (C2SP: NAME+HASH+KEY), in order. They judge nothing: Digest is
// the same with them and without.
func (p *Policy) Logs() []string {
	if p == nil {
		return nil
	}
	return p.logs
}

func (r *reader) logs(keys []string) []string {
	var out []string
	for i, key := range keys {
		place := fmt.Sprintf("logs[%d]", i)
		if _, err := note.NewVerifier(key); err != nil {
			r.problem(place, "%.100q: expected the key of a log, NAME+HASH+KEY, as GET /api/v1/log of that site says it", key)
			continue
		}
		if slices.Contains(out, key) {
			r.problem(place, "%.100q is there twice", key)
		}
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}
