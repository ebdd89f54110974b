package mail

import (
	"context"
	"net"
	"sync"
)

// A line is a connection that can be ended from outside, whoever forgot it.
type line struct {
	mu    sync.Mutex
	conn  net.Conn
	ended bool
}

// by dials, and remembers what it got.
func (l *line) by(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.ended {
			_ = conn.Close()
			return nil, net.ErrClosed
		}
		l.conn = conn
		return conn, nil
	}
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended = true; l.conn != nil {
		_ = l.conn.Close() // it may be closed already
	}
}
