package edge

import (
	"io"
	"net"
	"net/http"
	"sync"
)

// LimitConnections is l with at most n connections at once; further ones wait
// to be accepted. 0 does not limit.
func LimitConnections(l net.Listener, n int) net.Listener {
	if n <= 0 {
		return l
	}
	return &limited{Listener: l, room: make(chan struct{}, n), closed: make(chan struct{})}
}

type limited struct {
	net.Listener
	room   chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &counted{Conn: c, leave: func() { <-l.room }}, nil
}

func (l *limited) Close() error {
	err := l.Listener.Close()
	l.once.Do(func() { close(l.closed) })
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

// LimitRequests lets at most n requests be answered by next at once, and
// refuses the others. 0 does not limit.
func LimitRequests(n int, next http.Handler, refuse http.HandlerFunc) http.Handler {
	if n <= 0 {
		return next
	}
	room := make(chan struct{}, n)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case room <- struct{}{}:
			defer func() { <-room }()
			next.ServeHTTP(w, r)
		default:
			refuse(w, r)
		}
	})
}
