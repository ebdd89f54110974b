package catalog

import (
	"math"
	"slices"
	"time"
)

// times are what a Snapshot knows of when the versions of a plugin came here.
// They belong to one site, so they stand beside the record and enter no digest.
// All are in microseconds.
type times struct {
	published []int64 // by version; 0 is not known; nil: of none
	updated   int64   // of the newest listed version; timeless when not known
	ahead     bool    // a listed version claims a time after the bound of claims
}

// timeless is the time of what came at none that is known; it sorts last.
const timeless = math.MinInt64

// A bound is the time up to which a publisher's own word counts for when a
// version came, where nothing better is known; 0: it never does. What claims
// to be of later is not known, so that nobody is first for ever by saying 2999.
type bound int64

func boundAt(t time.Time) bound {
	if t.IsZero() {
		return 0
	}
	return bound(t.UnixMicro())
}

// timesOf reads them from p.
func timesOf(p *Plugin, claims bound) times {
	t := times{updated: timeless}
	for i := range p.Versions {
		v := &p.Versions[i]
		if !v.PublishedAt.IsZero() {
			if t.published == nil {
				t.published = make([]int64, len(p.Versions))
			}
			t.published[i] = v.PublishedAt.UnixMicro()
		}
		if v.Listed() {
			t.list(v, claims)
		}
	}
	return t
}

// list counts one listed version.
func (t *times) list(v *Version, claims bound) {
	switch {
	case !v.PublishedAt.IsZero():
		t.updated = max(t.updated, v.PublishedAt.UnixMicro())
	case claims == 0 || v.Plugin == nil || v.Plugin.Created == nil:
	case v.Plugin.Created.UnixMicro() > int64(claims):
		t.ahead = true
	default:
		t.updated = max(t.updated, v.Plugin.Created.UnixMicro())
	}
}

// show puts t into p, which is of the same record.
func (t *times) show(p *Plugin) {
	for i, at := range t.published {
		if at != 0 && i < len(p.Versions) {
			p.Versions[i].PublishedAt = time.UnixMicro(at).UTC()
		}
	}
	if t.updated != timeless {
		at := time.UnixMicro(t.updated).UTC()
		p.UpdatedAt = &at
	}
}

func (t *times) equal(o *times) bool {
	return t.updated == o.updated && t.ahead == o.ahead && slices.Equal(t.published, o.published)
}

// same reports whether s and o say the same: what is in the digest, and the
// times beside it. The cost is that of what differs.
func (s *Snapshot) same(o *Snapshot) bool {
	if s.tree.sum != o.tree.sum {
		return false
	}
	for e := range s.tree.since(o.tree) {
		if was := o.tree.get(e.id); was == nil || !was.equal(&e.times) {
			return false
		}
	}
	return true
}
