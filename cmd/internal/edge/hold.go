package edge

import (
	"context"
	"net/http"
	"sync"
)

type holdKey struct{}

// hold is a request that may be held back, with what it gives up meanwhile.
type hold struct {
	mu     sync.Mutex
	pause  []func()
	resume []func(ctx context.Context)
}

// Hold gives up, for a request that is held back until something happens, what it
// takes as one that is being answered: its place among the requests at once, and in
// the number of those in flight. resume takes it back; its caller calls it once.
func Hold(ctx context.Context) (resume func()) {
	h, is := ctx.Value(holdKey{}).(*hold)
	if !is {
		return func() {}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, pause := range h.pause {
		pause()
	}
	again := h.resume
	return func() {
		for _, resume := range again {
			resume(ctx)
		}
	}
}

// holds has requests of ctx do that around a wait, if they may be held back.
func holds(ctx context.Context, pause func(), resume func(ctx context.Context)) {
	if h, is := ctx.Value(holdKey{}).(*hold); is {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.pause, h.resume = append(h.pause, pause), append(h.resume, resume)
	}
}

// A Room lets at most so many requests be answered at once.
type Room struct {
	places chan struct{}
	refuse http.HandlerFunc
}

// NewRoom is one of n places, and refuses who finds none. 0 does not limit.
func NewRoom(n int, refuse http.HandlerFunc) *Room {
	r := &Room{refuse: refuse}
	if n > 0 {
		r.places = make(chan struct{}, n)
	}
	return r
}

// Limit answers by next while there is a place.
func (r *Room) Limit(next http.Handler) http.Handler {
	if r.places == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		select {
		case r.places <- struct{}{}:
			defer func() { <-r.places }()
			next.ServeHTTP(w, req)
		default:
			r.refuse(w, req)
		}
	})
}

// Holdable is Limit for requests that may be held back, which Hold then has give
// their place to others.
func (r *Room) Holdable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx := context.WithValue(req.Context(), holdKey{}, &hold{})
		if r.places == nil {
			next.ServeHTTP(w, req.WithContext(ctx))
			return
		}
		has := false
		leave := func() {
			if has {
				<-r.places
				has = false
			}
		}
		select {
		case r.places <- struct{}{}:
			has = true
		default:
			r.refuse(w, req)
			return
		}
		defer leave()
		holds(ctx, leave, func(ctx context.Context) {
			select {
			case r.places <- struct{}{}:
				has = true
			case <-ctx.Done(): // who asked has left
			}
		})
		next.ServeHTTP(w, req.WithContext(ctx))
	})
}
