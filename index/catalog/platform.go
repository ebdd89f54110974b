package catalog

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/oarlock/oarlock/artifact"
)

// universe is every platform that a shown version was built for, made when it
// is first asked for.
type universe struct {
	once      sync.Once
	platforms []artifact.Platform
	runs      [][]uint64 // by set of builds: bits of the platforms that run one of them
	used      []bool     // by set of builds
}

func (s *Snapshot) platformsOf(lex *lexicon) *universe {
	u := s.universe
	u.once.Do(func() {
		u.used = make([]bool, len(lex.builds))
		for n, c := range s.shelf.chunks {
			for i := range uint32(chunkSize) {
				if all := c.of(i); len(all) > 0 && s.shows(uint32(n)<<chunkBits+i) {
					for _, one := range all {
						u.used[one.builds] = true
					}
				}
			}
		}
		seen := map[artifact.Platform]bool{{}: true}
		for n, set := range lex.builds {
			for _, p := range set {
				if u.used[n] && !seen[p] {
					seen[p] = true
					u.platforms = append(u.platforms, p)
				}
			}
		}
		slices.SortFunc(u.platforms, artifact.Platform.Compare)
		u.runs = make([][]uint64, len(lex.builds))
		for n, set := range lex.builds {
			if u.used[n] {
				u.runs[n] = u.row(set)
			}
		}
	})
	return u
}

func (u *universe) row(set []artifact.Platform) []uint64 {
	row := make([]uint64, (len(u.platforms)+63)/64)
	for i, p := range u.platforms {
		if anyRuns(p, set) {
			row[i/64] |= 1 << (i % 64)
		}
	}
	return row
}

// platformFacet counts, for every platform, the plugins that the question
// would find for it.
func (r *search) platformFacet() map[string]int {
	u := r.platformsOf(&r.lex)
	fit := r.q.Fit
	fit.Platform = artifact.Platform{}
	f := r.fitter(fit, &r.lex)
	counts := make([]int, len(u.platforms))
	done := make([]uint64, (len(u.platforms)+63)/64)
	r.everySlot(func(c *chunk, i uint32) {
		clear(done)
		if f.channel != 0 {
			if at, ok := f.pointed(c, i); ok {
				r.countPlatforms(c, i, &c.of(i)[at], u, done, counts)
			}
			return
		}
		all := c.of(i)
		for n := range all { // the newest that fits a platform decides
			if one := &all[n]; f.fits(c.entries[i], one) {
				r.countPlatforms(c, i, one, u, done, counts)
			}
		}
	})
	out := map[string]int{}
	for i, count := range counts {
		if count > 0 {
			out[u.platforms[i].String()] = count
		}
	}
	return mostFrequent(out)
}

// countPlatforms counts the platforms that one runs on and no newer one did.
func (r *search) countPlatforms(c *chunk, i uint32, one *trait, u *universe, done []uint64, counts []int) {
	takes, known := false, false
	for w, runs := range u.runs[one.builds] {
		fresh := runs &^ done[w]
		if fresh == 0 {
			continue
		}
		done[w] |= fresh
		if !known {
			takes, known = r.filter.fails(&c.about[i], &r.lex.metas[one.meta], &r.lex) == 0, true
		}
		for ; takes && fresh != 0; fresh &= fresh - 1 {
			counts[w*64+bits.TrailingZeros64(fresh)]++
		}
	}
}
