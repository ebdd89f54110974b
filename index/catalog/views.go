package catalog

import "sync"

// views are those that one snapshot has made. A snapshot made by With takes
// over the views of the one before as stale: right but for some slots, which
// are looked at again when the view is asked for.
type views struct {
	mu   sync.Mutex
	made map[viewKey]*remembered
	tick int64
}

type viewKey struct {
	host, version, platform, channel string
	prerelease                       bool
}

type remembered struct {
	view  *view
	stale []uint32 // slots to look at again
	used  int64
}

// The memory that views of one snapshot take is bounded: slots times views, at
// two bytes each.
// A few are kept however many slots there are.
const (
	maxViewCells = 64 << 20
	minViews     = 8
	maxViews     = 1024
	maxStale     = 512
)

func (f Fit) key() viewKey {
	k := viewKey{host: f.Host.String(), platform: f.Platform.String(), channel: f.Channel, prerelease: f.Prerelease}
	if k.host != "" {
		k.version = f.HostVersion.String()
	}
	return k
}

// view is the answer to f.
func (s *Snapshot) view(f Fit, lex *lexicon) *view {
	if f.Age != nil { // a moment later it is another
		return newView(&s.shelf, s.fitter(f, lex))
	}
	key := f.key()
	vs := s.views
	vs.mu.Lock()
	vs.tick++
	r := vs.made[key]
	if r != nil {
		r.used = vs.tick
		if len(r.stale) == 0 && len(r.view.at) == s.shelf.slots {
			vs.mu.Unlock()
			return r.view
		}
	}
	vs.mu.Unlock()
	var v *view
	if fit := s.fitter(f, lex); r != nil {
		v = r.view.patched(&s.shelf, r.stale, fit)
	} else {
		v = newView(&s.shelf, fit)
	}
	vs.keep(key, v)
	return v
}

// keep remembers v and forgets those not used for longest.
func (vs *views) keep(key viewKey, v *view) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	vs.made[key] = &remembered{view: v, used: vs.tick}
	most := min(max(maxViewCells/max(len(v.at), 1), minViews), maxViews)
	for len(vs.made) > most {
		var oldest viewKey
		at := vs.tick + 1
		for k, r := range vs.made {
			if r.used < at {
				oldest, at = k, r.used
			}
		}
		delete(vs.made, oldest)
	}
}

// next are the views for a snapshot that differs in the given slots.
func (vs *views) next(changed []uint32) *views {
	out := &views{made: map[viewKey]*remembered{}}
	if vs == nil {
		return out
	}
	vs.mu.Lock()
	defer vs.mu.Unlock()
	out.tick = vs.tick
	for key, r := range vs.made {
		if len(r.stale)+len(changed) > maxStale {
			continue // nobody asks for it any more
		}
		stale := make([]uint32, 0, len(r.stale)+len(changed))
		out.made[key] = &remembered{r.view, append(append(stale, r.stale...), changed...), r.used}
	}
	return out
}
