package store

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// dialWithin bounds the making of a connection to PostgreSQL.
	dialWithin = 5 * time.Second
	// silentFor is how long PostgreSQL may say nothing while it is asked, before
	// the connection counts as dead.
	silentFor = 30 * time.Second
)

// aliveEvery notices within twenty seconds that the other machine is gone.
var aliveEvery = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3}

// postgresConfig is how connections to the database of url are made. Where
// silent is not nil, one on which PostgreSQL says nothing for so many
// nanoseconds breaks; 0 is for ever.
func postgresConfig(url string, silent *atomic.Int64) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = dialWithin
	}
	dialer := &net.Dialer{Timeout: c.ConnectTimeout, KeepAliveConfig: aliveEvery}
	c.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil || silent == nil {
			return conn, err
		}
		return &boundConn{Conn: conn, silent: silent}, nil
	}
	return c, nil
}

func openPool(url string, silent *atomic.Int64) (*sql.DB, error) {
	c, err := postgresConfig(url, silent)
	if err != nil {
		return nil, err
	}
	return stdlib.OpenDB(*c), nil
}

// A boundConn breaks when the other end says or takes nothing for a while,
// which no deadline of a query does where its context has none.
type boundConn struct {
	net.Conn
	silent *atomic.Int64

	mu          sync.Mutex
	read, write time.Time // what was asked for from outside
}

// Read implements net.Conn.
func (c *boundConn) Read(b []byte) (int, error) {
	if err := c.bound(c.Conn.SetReadDeadline, &c.read); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write implements net.Conn.
func (c *boundConn) Write(b []byte) (int, error) {
	if err := c.bound(c.Conn.SetWriteDeadline, &c.write); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// bound sets the earlier of what was asked for and the end of the silence.
func (c *boundConn) bound(set func(time.Time) error, asked *time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := *asked
	if d := time.Duration(c.silent.Load()); d > 0 {
		if end := time.Now().Add(d); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	return set(at)
}

// SetDeadline implements net.Conn.
func (c *boundConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read, c.write = t, t
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *boundConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = t
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *boundConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write = t
	return c.Conn.SetWriteDeadline(t)
}
