package store

import (
	"context"
	"database/sql"
	"sync"
)

// A session is the one connection that holds many locks. When it breaks, all
// of them are gone, and the next question opens another.
type session struct {
	db *sql.DB

	mu   sync.Mutex
	conn *sql.Conn
}

// try takes the lock on key if nobody else has it or waits for it; a nil
// release says that somebody does. The answer is waited for even when ctx
// ends, because a cancelled question would cost the connection and its locks.
// The asker says whether the lock is held still.
func (s *session) try(ctx context.Context, key, suffix string) (release func(), ask asker, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockAnswer)
	defer cancel()
	for attempt := 0; ; attempt++ {
		fresh := s.conn == nil
		if fresh {
			if s.conn, err = s.db.Conn(ctx); err != nil {
				s.conn = nil
				return nil, nil, err
			}
		}
		on := s.conn
		var got bool
		err = on.QueryRowContext(ctx, "SELECT pg_try_advisory_lock"+suffix+lockKey, lockName(key)).Scan(&got)
		switch {
		case err == nil && got:
			return func() { s.release(ctx, on, key, suffix) }, func(ctx context.Context) error { return s.ask(ctx, on) }, nil
		case err == nil:
			return nil, nil, nil
		}
		s.drop()
		if fresh || attempt > 0 {
			return nil, nil, err
		}
	}
}

// ask asks the server over the connection on, which is gone where another
// took its place.
func (s *session) ask(ctx context.Context, on *sql.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != on {
		return sql.ErrConnDone
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockAnswer)
	defer cancel()
	if err := on.PingContext(ctx); err != nil {
		s.drop()
		return err
	}
	return nil
}

// release gives a lock of the connection on back, unless that has gone.
func (s *session) release(ctx context.Context, on *sql.Conn, key, suffix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != on {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockAnswer)
	defer cancel()
	var held bool
	if err := on.QueryRowContext(ctx, "SELECT pg_advisory_unlock"+suffix+lockKey, lockName(key)).Scan(&held); err != nil {
		s.drop()
	}
}

// drop closes the connection, which gives its locks back. The caller holds mu.
func (s *session) drop() {
	if s.conn != nil {
		discard(s.conn.Raw)
		_ = s.conn.Close()
		s.conn = nil
	}
}

func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
}
