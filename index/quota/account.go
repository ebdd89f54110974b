package quota

import (
	"context"
	"sync"
)

// account is what one namespace has reserved. Commits run inside transactions,
// which hold a connection to the database: so nothing that they wait for is held
// by whoever waits for a connection.
type account struct {
	users int           // guarded by Quota.mu
	turn  chan struct{} // full while one looks for room; commits never wait for it

	mu sync.Mutex // never held over a question to the store
	reserved
	ended chan struct{} // closed and made anew when a commit or a release ends
}

// reserved is what an account holds at one moment.
type reserved struct {
	bytes, versions int64
	moving          int           // commits that run: the store may count theirs already
	moves           int           // commits and releases that ended
	next            chan struct{} // closed when the next one ends
}

func newAccount() *account {
	return &account{turn: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (a *account) held() reserved {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.reserved
	now.next = a.ended
	return now
}

func (a *account) take(bytes, versions int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += bytes
	a.versions += versions
}

func (a *account) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.moving++
}

func (a *account) end(bytes, versions int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes -= bytes
	a.versions -= versions
	a.moving--
	a.moves++
	close(a.ended)
	a.ended = make(chan struct{})
}

// settled reports whether something changed since then that may have made room,
// and waits for what is under way.
func (a *account) settled(ctx context.Context, then reserved) bool {
	switch now := a.held(); {
	case now.moves != then.moves:
		return true
	case now.moving == 0:
		return false
	}
	select {
	case <-then.next:
		return true
	case <-ctx.Done():
		return false
	}
}
