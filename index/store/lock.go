package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/oarlock/oarlock/artifact"
)

// An AdvisoryLocker excludes the writers of all replicas, by PostgreSQL's
// advisory locks. One connection holds every lock that is free when it is asked
// for, so that slow uploads cost no connections; who has to wait for another
// replica does so on a connection of its own. The word before the first slash
// of a key is its class, and each class has its own connections to wait on:
// whoever takes the classes in one order never waits for itself.
type AdvisoryLocker struct {
	url     string
	session *session

	mu      sync.Mutex
	queues  map[string]*queue  // by key, those of this process
	waiting map[string]*sql.DB // by class
	held    map[string]asker   // by key, the connections that hold one alone
	closed  bool
}

// An asker asks the server over the connection that holds a lock. That the
// server answers says that it holds it still: it goes with the connection.
type asker func(ctx context.Context) error

// Held returns nil where this locker holds the lock on key alone, still. A
// lock is lost with its connection, such as when another server takes over:
// whoever took it asks before he relies on it.
func (l *AdvisoryLocker) Held(ctx context.Context, key string) error {
	l.mu.Lock()
	ask := l.held[key]
	l.mu.Unlock()
	if ask == nil {
		return fmt.Errorf("lock %q: it is not held: %w", key, artifact.ErrConflict)
	}
	ctx, cancel := context.WithTimeout(ctx, lockAnswer)
	defer cancel()
	if err := ask(ctx); err != nil {
		return fmt.Errorf("lock %q: it was lost: %w", key, err)
	}
	return nil
}

func (l *AdvisoryLocker) holds(key string, ask asker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ask == nil {
		delete(l.held, key)
		return
	}
	l.held[key] = ask
}

const (
	// maxWaiting is how many connections of one class wait or hold at once.
	maxWaiting = 8
	// shareFor is how long sharers of this process join a lock that it holds
	// already; later ones queue again behind the writers of other replicas.
	shareFor = time.Second
	// lockAnswer bounds a question that PostgreSQL answers without waiting.
	lockAnswer = 10 * time.Second
)

// OpenAdvisoryLocker opens the locker of a PostgreSQL database; Close ends it.
// SQLite serves one process, which needs none: any other url wraps
// artifact.ErrInvalid, and a pooler that voids locks wraps ErrPooled.
func OpenAdvisoryLocker(ctx context.Context, url string) (*AdvisoryLocker, error) {
	if !isPostgres(url) {
		scheme, _, _ := strings.Cut(url, "://")
		return nil, fmt.Errorf("advisory locks: scheme %q: expected postgres: %w", scheme, artifact.ErrInvalid)
	}
	s, err := openPostgres(ctx, url)
	if err != nil {
		return nil, err
	}
	s.hurry()
	if err := checkSessions(ctx, s.write.DB); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.write.SetMaxOpenConns(1)
	s.write.SetConnMaxIdleTime(0)
	return &AdvisoryLocker{
		url: url, session: newSession(s.write.DB),
		queues: map[string]*queue{}, waiting: map[string]*sql.DB{}, held: map[string]asker{},
	}, nil
}

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// Close gives every lock back.
func (l *AdvisoryLocker) Close() error {
	l.mu.Lock()
	l.closed = true
	pools := []*sql.DB{l.session.db}
	for _, db := range l.waiting {
		pools = append(pools, db)
	}
	l.mu.Unlock()
	l.session.end()
	var errs []error
	for _, db := range pools {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}

// Lock waits for the lock on key, shared or exclusive, until ctx ends. unlock
// may be called more than once.
func (l *AdvisoryLocker) Lock(ctx context.Context, key string, shared bool) (unlock func(), err error) {
	q := l.enter(key)
	weight := int64(everybody)
	if shared {
		weight = 1
	}
	if err := q.sem.Acquire(ctx, weight); err != nil {
		l.leave(key, q)
		return nil, wrap("lock", err)
	}
	release, err := l.hold(ctx, q, key, shared)
	if err != nil {
		q.sem.Release(weight)
		l.leave(key, q)
		return nil, wrap("lock", err)
	}
	return sync.OnceFunc(func() {
		if !shared {
			l.holds(key, nil)
		}
		release()
		q.sem.Release(weight)
		l.leave(key, q)
	}), nil
}

// everybody is the weight of an exclusive lock: more than all sharers together.
const everybody = 1 << 30

// A queue orders those of this process who want one key.
type queue struct {
	sem   *semaphore.Weighted
	users int // guarded by AdvisoryLocker.mu

	first  *semaphore.Weighted // held by who takes the lock for all sharers
	mu     sync.Mutex
	shared *share
}

// A share is one lock that several of this process hold together.
type share struct {
	since   time.Time
	users   int
	release func()
}

func (l *AdvisoryLocker) enter(key string) *queue {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[key]
	if q == nil {
		q = &queue{sem: semaphore.NewWeighted(everybody), first: semaphore.NewWeighted(1)}
		l.queues[key] = q
	}
	q.users++
	return q
}

func (l *AdvisoryLocker) leave(key string, q *queue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q.users--; q.users == 0 {
		delete(l.queues, key)
	}
}

// hold takes PostgreSQL's lock on key, or joins those who share it.
func (l *AdvisoryLocker) hold(ctx context.Context, q *queue, key string, shared bool) (release func(), err error) {
	if !shared {
		return l.take(ctx, key, "")
	}
	if release, old := q.join(); release != nil {
		return release, nil
	} else if old {
		return l.wait(ctx, key, sharing)
	}
	if err := q.first.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer q.first.Release(1)
	if release, old := q.join(); release != nil {
		return release, nil
	} else if old {
		return l.wait(ctx, key, sharing)
	}
	if release, err = l.take(ctx, key, sharing); err != nil {
		return nil, err
	}
	s := &share{since: time.Now(), users: 1, release: release}
	q.mu.Lock()
	q.shared = s
	q.mu.Unlock()
	return func() { q.part(s) }, nil
}

// sharing is what PostgreSQL's functions for a shared lock end with.
const sharing = "_shared"

// join adds one to those who share the lock; old says that it was taken too
// long ago for that and is still held.
func (q *queue) join() (leave func(), old bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.shared
	if s == nil {
		return nil, false
	}
	if time.Since(s.since) > shareFor {
		return nil, true
	}
	s.users++
	return func() { q.part(s) }, false
}

// part takes one from those who share s; the last gives the lock back.
func (q *queue) part(s *share) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.users--; s.users == 0 {
		q.shared = nil
		s.release()
	}
}

// take asks the session for the lock, and waits where another replica has it.
func (l *AdvisoryLocker) take(ctx context.Context, key, suffix string) (release func(), err error) {
	release, ask, err := l.session.try(ctx, key, suffix)
	if release != nil && suffix == "" {
		l.holds(key, ask)
	}
	if release != nil || err != nil {
		return release, err
	}
	return l.wait(ctx, key, suffix)
}

// wait takes the lock on a connection of the key's class.
func (l *AdvisoryLocker) wait(ctx context.Context, key, suffix string) (release func(), err error) {
	db, err := l.pool(key)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// A connection that goes away gives its locks back, so one whose unlock
	// fails is closed rather than kept.
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock"+suffix+lockKey, lockName(key)); err != nil { //nolint:gosec // both are constants of this file
		discard(conn.Raw)
		_ = conn.Close()
		return nil, err
	}
	if suffix == "" {
		l.holds(key, conn.PingContext)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockAnswer)
		defer cancel()
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock"+suffix+lockKey, lockName(key)); err != nil { //nolint:gosec // as above
			discard(conn.Raw)
		}
		_ = conn.Close()
	}, nil
}

const lockKey = "(hashtextextended($1, 0))"

func lockName(key string) string { return "oarlock lock:" + key }

// pool has the connections to wait on for keys of one class.
func (l *AdvisoryLocker) pool(key string) (*sql.DB, error) {
	class, _, _ := strings.Cut(key, "/")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, sql.ErrConnDone
	}
	db := l.waiting[class]
	if db == nil {
		var err error
		if db, err = openPool(l.url, nil); err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(maxWaiting)
		db.SetMaxIdleConns(1)
		db.SetConnMaxIdleTime(time.Minute)
		l.waiting[class] = db
	}
	return db, nil
}

// discard makes the pool close a connection instead of keeping it.
func discard(raw func(func(any) error) error) {
	_ = raw(func(any) error { return driver.ErrBadConn })
}
