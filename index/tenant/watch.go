package tenant

import (
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

const (
	// recheckAfter is for how long what a host is to run is taken for what was
	// computed last although nothing moved: what follows from a clock, and what no
	// event told, is seen by then.
	recheckAfter = 30 * time.Second
	// mostWatched bounds the tenants that are remembered.
	mostWatched = 1 << 14
)

// watches remember of each tenant what its hosts are to run, by a number that rises
// when that may have changed: while it does not, nothing is computed.
type watches struct {
	mu  sync.Mutex
	all map[string]*watched
	row int64 // of the audit log, up to which changes are known; below 0 none is
}

func (ws *watches) last() int64 {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.row
}

func (ws *watches) looked(row int64) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.row = row
}

func newWatches() *watches { return &watches{all: map[string]*watched{}, row: -1} }

// of is that of a tenant.
func (ws *watches) of(id string) *watched {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w := ws.all[id]
	if w == nil {
		if len(ws.all) >= mostWatched {
			for _, w := range ws.all {
				w.move()
			}
			clear(ws.all)
		}
		w = &watched{changed: make(chan struct{}), touched: map[artifact.Name]catalog.Mark{}, hosts: map[string]*lookout{}}
		ws.all[id] = w
	}
	return w
}

// moved says that something of a tenant may have changed.
func (ws *watches) moved(id string) {
	ws.mu.Lock()
	w := ws.all[id]
	ws.mu.Unlock()
	if w != nil {
		w.move()
	}
}

// compare looks in all tenants whether a generation says other things of their plugins.
func (ws *watches) compare(g *catalog.Generation) {
	ws.mu.Lock()
	all := make([]*watched, 0, len(ws.all))
	for _, w := range ws.all {
		all = append(all, w)
	}
	ws.mu.Unlock()
	for _, w := range all {
		w.compare(g)
	}
}

// watched is one tenant.
type watched struct {
	mu      sync.Mutex
	version uint64
	changed chan struct{} // closed when version rises
	// generation is the one that touched was compared with, and touched are the
	// plugins that what the hosts run follows from.
	generation int64
	touched    map[artifact.Name]catalog.Mark
	hosts      map[string]*lookout
}

// A lookout is what is known of one host. It is small: documents are made when they
// are asked for.
type lookout struct {
	version uint64
	epoch   index.Epoch
	etag    string
	until   time.Time // when it is computed again
	renew   time.Time // when a licence is; zero is never
	issued  time.Time // when the host was given a document last; zero is not known
}

// at is the number now, and what is closed when it rises.
func (w *watched) at() (uint64, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.version, w.changed
}

func (w *watched) move() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rise()
}

// rise is called with mu held.
func (w *watched) rise() {
	w.version++
	close(w.changed)
	w.changed = make(chan struct{})
}

// compare has the number rise where g says other things of a plugin than before.
func (w *watched) compare(g *catalog.Generation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.generation == g.Number {
		return
	}
	w.generation = g.Number
	for id, mark := range w.touched {
		if g.Snapshot.Mark(id) != mark {
			w.rise()
			return
		}
	}
}

// look is what is known of a host, if nothing moved since.
func (w *watched) look(host string, key int64, now time.Time) (lookout, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.hosts[host]
	if l == nil || l.version != w.version || l.epoch.Key != key || !now.Before(l.until) {
		return lookout{}, false
	}
	return *l, true
}

// put keeps what was computed of a host at l.version from a generation.
func (w *watched) put(host string, l lookout, g *catalog.Generation, touched map[artifact.Name]bool) lookout {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range touched {
		w.touched[id] = g.Snapshot.Mark(id)
	}
	if had := w.hosts[host]; had != nil && had.etag == l.etag {
		l.issued = had.issued
	}
	if w.generation == g.Number {
		w.hosts[host] = &l
	} else { // a later one was compared with what was touched before, and nothing tells what it says of the rest
		w.rise()
	}
	return l
}

// issued says that a host was given a document.
func (w *watched) issued(host, etag string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.hosts[host]; l != nil && l.etag == etag {
		l.issued = at
	}
}
