package store

import (
	"context"
	"database/sql"
	"time"
)

// A session is the one connection that holds many locks. When it breaks, all
// of them are gone, and the next question opens another.
type session struct {
	db *sql.DB

	turn chan struct{} // full while somebody asks
	conn *sql.Conn     // of who has the turn
}

// newSession makes one over a pool of its own.
func newSession(db *sql.DB) *session { return &session{db: db, turn: make(chan struct{}, 1)} }

// sessionAnswer bounds one question over the connection, which waits for
// nobody: one that takes longer says that the connection is dead.
const sessionAnswer = 4 * time.Second

// enter waits for the turn to ask, until ctx ends.
func (s *session) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) leave() { <-s.turn }

// question is for one over the connection. A cancelled one would cost the
// connection and its locks, so that the answer is waited for when ctx has ended.
func question(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), sessionAnswer)
}

// try takes the lock on key if nobody else has it or waits for it; a nil
// release says that somebody does. A connection that does not answer is
// replaced once. The asker says whether the lock is held still.
func (s *session) try(ctx context.Context, key, suffix string) (release func(), ask asker, err error) {
	waiting, cancel := context.WithTimeout(ctx, lockAnswer)
	defer cancel()
	if err := s.enter(waiting); err != nil {
		return nil, nil, err
	}
	defer s.leave()
	for attempt := 0; ; attempt++ {
		fresh := s.conn == nil
		got, err := s.tryOnce(ctx, key, suffix)
		on := s.conn
		switch {
		case err == nil && got:
			return func() { s.release(ctx, on, key, suffix) }, func(ctx context.Context) error { return s.ask(ctx, on) }, nil
		case err == nil:
			return nil, nil, nil
		}
		s.drop()
		if fresh || attempt > 0 || ctx.Err() != nil {
			return nil, nil, err
		}
	}
}

// tryOnce asks for the lock over the connection, or a new one. The caller has
// the turn.
func (s *session) tryOnce(ctx context.Context, key, suffix string) (got bool, err error) {
	ctx, cancel := question(ctx)
	defer cancel()
	if s.conn == nil {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return false, err
		}
		s.conn = conn
	}
	err = s.conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock"+suffix+lockKey, lockName(key)).Scan(&got)
	return got, err
}

// ask asks the server over the connection on, which is gone where another
// took its place.
func (s *session) ask(ctx context.Context, on *sql.Conn) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.conn != on {
		return sql.ErrConnDone
	}
	ctx, cancel := question(ctx)
	defer cancel()
	if err := on.PingContext(ctx); err != nil {
		s.drop()
		return err
	}
	return nil
}

// release gives a lock of the connection on back, unless that has gone. It
// waits for its turn however long that takes, since a lock that is kept keeps
// others out; those before it are gone soon.
func (s *session) release(ctx context.Context, on *sql.Conn, key, suffix string) {
	s.turn <- struct{}{}
	defer s.leave()
	if s.conn != on {
		return
	}
	ctx, cancel := question(ctx)
	defer cancel()
	var held bool
	if err := on.QueryRowContext(ctx, "SELECT pg_advisory_unlock"+suffix+lockKey, lockName(key)).Scan(&held); err != nil {
		s.drop()
	}
}

// drop closes the connection, which gives its locks back. The caller has the
// turn.
func (s *session) drop() {
	if s.conn != nil {
		discard(s.conn.Raw)
		_ = s.conn.Close()
		s.conn = nil
	}
}

func (s *session) end() {
	s.turn <- struct{}{}
	defer s.leave()
	s.drop()
}
