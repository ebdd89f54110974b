package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"

	"github.com/oarlock/oarlock/artifact"
)

// An AdvisoryLocker excludes the writers of all replicas, by PostgreSQL's
// advisory locks. Each lock holds a connection of a pool of its own, so that
// those who hold locks never wait for one another's queries.
type AdvisoryLocker struct{ db *sql.DB }

// maxLocks is how many locks one replica holds or waits for at once.
const maxLocks = 64

// OpenAdvisoryLocker opens the locker of a PostgreSQL database; Close ends it.
// SQLite serves one process, which needs none: any other url wraps
// artifact.ErrInvalid.
func OpenAdvisoryLocker(ctx context.Context, url string) (*AdvisoryLocker, error) {
	if scheme, _, _ := strings.Cut(url, "://"); scheme != "postgres" && scheme != "postgresql" {
		return nil, fmt.Errorf("advisory locks: scheme %q: expected postgres: %w", scheme, artifact.ErrInvalid)
	}
	s, err := openPostgres(ctx, url)
	if err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(maxLocks)
	return &AdvisoryLocker{s.write.DB}, nil
}

// Close gives every lock back.
func (l *AdvisoryLocker) Close() error { return l.db.Close() }

// Lock waits for the lock on key, shared or exclusive, until ctx ends. unlock
// may be called more than once.
func (l *AdvisoryLocker) Lock(ctx context.Context, key string, shared bool) (unlock func(), err error) {
	suffix := ""
	if shared {
		suffix = "_shared"
	}
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return nil, wrap("lock", err)
	}
	// A connection that goes away gives its locks back, so one whose unlock
	// fails is closed rather than kept.
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock"+suffix+"(hashtextextended($1, 0))", "oarlock lock:"+key); err != nil {
		discard(conn.Raw)
		_ = conn.Close()
		return nil, wrap("lock", err)
	}
	return sync.OnceFunc(func() {
		ctx := context.WithoutCancel(ctx)
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock"+suffix+"(hashtextextended($1, 0))", "oarlock lock:"+key); err != nil {
			discard(conn.Raw)
		}
		_ = conn.Close()
	}), nil
}

// discard makes the pool close a connection instead of keeping it.
func discard(raw func(func(any) error) error) {
	_ = raw(func(any) error { return driver.ErrBadConn })
}
