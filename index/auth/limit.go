package auth

import (
	"cmp"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A Rate is how often something may be done; the zero Rate does not limit.
type Rate struct {
	// PerSecond is the lasting rate.
	PerSecond float64
	// Burst is how many may come at once, at least one.
	Burst int
}

// maxLimited bounds the memory of a Limiter. Callers that were quiet long
// enough to be as new are forgotten first, then those who have most left: an
// eighth at once, so that room is not looked for at each call. Who has used up
// what he may is forgotten last, or coming from many places would clear him.
const (
	maxLimited = 1 << 16
	forgetMany = maxLimited / 8
)

// A Limiter counts by key: a principal, an address. Safe for concurrent use.
type Limiter struct {
	name string
	rate Rate
	now  func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// NewLimiter makes a Limiter whose refusals name it. A nil clock is time.Now.
func NewLimiter(name string, r Rate, now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	r.Burst = max(r.Burst, 1)
	return &Limiter{name: name, rate: r, now: now, buckets: map[string]*rate.Limiter{}}
}

// Take uses up n for key, or refuses with a *TooManyError and uses nothing.
func (l *Limiter) Take(key string, n int) error {
	if l.rate.PerSecond <= 0 {
		return nil
	}
	now := l.now()
	r := l.bucket(key, now).ReserveN(now, n)
	if !r.OK() {
		return &TooManyError{l.name, time.Duration(float64(n) / l.rate.PerSecond * float64(time.Second))}
	}
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return &TooManyError{l.name, max(wait, time.Second)}
	}
	return nil
}

// Check refuses when nothing is left for key, and uses nothing.
func (l *Limiter) Check(key string) error {
	if l.rate.PerSecond <= 0 {
		return nil
	}
	now := l.now()
	left := l.bucket(key, now).TokensAt(now)
	if left >= 1 {
		return nil
	}
	wait := time.Duration((1 - left) / l.rate.PerSecond * float64(time.Second))
	return &TooManyError{l.name, max(wait, time.Second)}
}

func (l *Limiter) bucket(key string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.buckets[key]
	if !ok {
		if len(l.buckets) >= maxLimited {
			l.sweep(now)
		}
		b = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
		l.buckets[key] = b
	}
	return b
}

// sweep forgets those whose bucket is full again; where too few are, also those
// who have most left.
func (l *Limiter) sweep(now time.Time) {
	type caller struct {
		key  string
		left float64
	}
	busy := make([]caller, 0, len(l.buckets))
	for key, b := range l.buckets {
		if left := b.TokensAt(now); left >= float64(l.rate.Burst) {
			delete(l.buckets, key)
		} else {
			busy = append(busy, caller{key, left})
		}
	}
	if len(busy) <= maxLimited-forgetMany {
		return
	}
	slices.SortFunc(busy, func(a, b caller) int { return cmp.Compare(b.left, a.left) })
	for _, c := range busy[:len(busy)-(maxLimited-forgetMany)] {
		delete(l.buckets, c.key)
	}
}

// callerFrom is what an address is counted by: itself, or of IPv6 the network of
// 64 bits that one customer has at least, in which every address is free to choose.
func callerFrom(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "address " + address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return "address " + ip.String()
	}
	return "address " + netip.PrefixFrom(ip, 64).Masked().String()
}

// Limited lets each principal through at the rate of l, and nobody in
// particular by address; nil takes the remote address. It stands behind
// Authenticated. A server for trying out limits nobody. Refusals go to refuse; nil writes the errors of the OCI API.
func (a *Authority) Limited(l *Limiter, next http.Handler, address func(*http.Request) string, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	if a.open {
		return next
	}
	if address == nil {
		address = RemoteAddress
	}
	if refuse == nil {
		refuse = a.writeError
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := From(r.Context()).Name
		if !From(r.Context()).LoggedIn() {
			key = callerFrom(address(r))
		}
		if err := l.Take(key, 1); err != nil {
			refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// RemoteAddress is the host that r comes from, without its port.
func RemoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
