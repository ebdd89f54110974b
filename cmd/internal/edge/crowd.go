package edge

import (
	"context"
	"io"
	"math"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/sync/semaphore"
)

// A Crowd is how many connections may be there at once. 0 does not limit.
type Crowd struct {
	All int // further ones wait to be accepted
	// PerAddress is the share of one address, or of one network of 64 bits
	// with IPv6; further ones are closed at once, so that one sender cannot
	// keep all others out.
	PerAddress int
	// Proxies speak for many, so that they have no share.
	Proxies Proxies
}

// LimitConnections is l with at most as many connections at once as of says.
func LimitConnections(l net.Listener, of Crowd) net.Listener {
	if of.All <= 0 && of.PerAddress <= 0 {
		return l
	}
	if of.All <= 0 {
		of.All = math.MaxInt32
	}
	return &limited{Listener: l, of: of, room: semaphore.NewWeighted(int64(of.All)), shares: map[netip.Prefix]int{}}
}

type limited struct {
	net.Listener
	of   Crowd
	room *semaphore.Weighted

	mu     sync.Mutex
	shares map[netip.Prefix]int // connections by address
	ending context.CancelFunc
	closed bool
}

func (l *limited) Accept() (net.Conn, error) {
	if err := l.wait(); err != nil {
		return nil, err
	}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.room.Release(1)
			return nil, err
		}
		if from, ok := l.enter(c.RemoteAddr()); ok {
			return &counted{Conn: c, leave: func() {
				l.exit(from)
				l.room.Release(1)
			}}, nil
		}
		_ = c.Close()
	}
}

// wait waits for room, or until the listener is closed.
func (l *limited) wait() error {
	if l.room.TryAcquire(1) {
		return nil
	}
	ctx, end := context.WithCancel(context.Background())
	defer end()
	l.mu.Lock()
	l.ending = end
	closed := l.closed
	l.mu.Unlock()
	if closed || l.room.Acquire(ctx, 1) != nil {
		return net.ErrClosed
	}
	return nil
}

// enter counts a connection of an address, unless its share is used up. The
// zero prefix is one that is not counted.
func (l *limited) enter(a net.Addr) (from netip.Prefix, ok bool) {
	at, err := netip.ParseAddrPort(a.String())
	if l.of.PerAddress <= 0 || err != nil || l.of.Proxies.believes(at.Addr().Unmap()) {
		return from, true
	}
	from = network(at.Addr().Unmap())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shares[from] >= l.of.PerAddress {
		return from, false
	}
	l.shares[from]++
	return from, true
}

func (l *limited) exit(from netip.Prefix) {
	if !from.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shares[from]--; l.shares[from] == 0 {
		delete(l.shares, from)
	}
}

// network is who shares one share: with IPv6 one sender has as many addresses
// as he wants within 64 bits.
func network(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

func (l *limited) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.ending != nil {
		l.ending()
	}
	return err
}

type counted struct {
	net.Conn
	holding bool   // see hold
	held    []byte // its room is kept for the next answer
	once    sync.Once
	leave   func()
}

// ReadFrom lets the kernel copy a file to the connection.
func (c *counted) ReadFrom(r io.Reader) (int64, error) {
	if p, ok := r.(*piece); ok && c.holding {
		return c.sendPiece(p)
	}
	if from, ok := c.Conn.(io.ReaderFrom); ok {
		return from.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}

func (c *counted) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.leave)
	return err
}
