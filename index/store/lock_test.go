package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// TestAdvisoryLocks_K7: two replicas exclude one another, readers of one key
// do not, and a lock that is given back or whose holder goes away is free.
func TestAdvisoryLocks_K7(t *testing.T) {
	t.Parallel()
	if _, err := OpenAdvisoryLocker(t.Context(), "sqlite://x"); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("for SQLite: %v", err)
	}
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set")
	}
	var replicas [2]*AdvisoryLocker
	for i := range replicas {
		l, err := OpenAdvisoryLocker(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		replicas[i] = l
	}
	lock := func(ctx context.Context, i int, key string, shared bool) func() {
		unlock, err := replicas[i].Lock(ctx, key, shared)
		if err != nil {
			t.Fatal(err)
		}
		return unlock
	}
	var inside, most atomic.Int64
	each(20, func(i int) {
		unlock := lock(t.Context(), i%2, "acme/hello:1.0.0", false)
		most.Store(max(most.Load(), inside.Add(1)))
		inside.Add(-1)
		unlock()
		unlock()
	})
	same(t, "at once inside", most.Load(), int64(1), nil)
	first, second := lock(t.Context(), 0, "shared", true), lock(t.Context(), 1, "shared", true)
	lock(t.Context(), 1, "another", false)()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := replicas[0].Lock(ended, "shared", false); err == nil {
		t.Error("a lock for a context that ended")
	}
	first()
	second()
	held := lock(t.Context(), 0, "held", false)
	go func() { _ = replicas[0].Close() }()
	held()
	lock(t.Context(), 1, "held", false)()
}

// TestManyWritersNeedFewConnections_K7: writers that hold one lock and want
// another get it, however many they are, as do uploads that hold theirs long.
func TestManyWritersNeedFewConnections_K7(t *testing.T) {
	t.Parallel()
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set")
	}
	var replicas [2]*AdvisoryLocker
	for i := range replicas {
		l, err := OpenAdvisoryLocker(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		replicas[i] = l
	}
	for i := range 200 {
		unlock, err := replicas[0].Lock(t.Context(), fmt.Sprint("upload/", i), false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(unlock)
	}
	var inside, most atomic.Int64
	each(200, func(i int) {
		leave, err := replicas[i%2].Lock(t.Context(), "repository/acme/many", true)
		if err != nil {
			t.Error(err)
			return
		}
		defer leave()
		unlock, err := replicas[i%2].Lock(t.Context(), "tag/acme/many:1.0.0", false)
		if err != nil {
			t.Error(err)
			return
		}
		defer unlock()
		most.Store(max(most.Load(), inside.Add(1)))
		inside.Add(-1)
	})
	same(t, "at once inside", most.Load(), int64(1), nil)
}

// TestLockSurvivesItsConnection_K7: after the connection that held the locks
// broke, new ones are given, and the old ones give nothing of theirs back.
func TestLockSurvivesItsConnection_K7(t *testing.T) {
	t.Parallel()
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set")
	}
	l, err := OpenAdvisoryLocker(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	before, err := l.Lock(t.Context(), "broken/1", false)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var pid int
	if err := l.session.conn.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	if _, err := other.write.ExecContext(t.Context(), "SELECT pg_terminate_backend(?)", pid); err != nil {
		t.Fatal(err)
	}
	after, err := l.Lock(t.Context(), "broken/2", false)
	if err != nil {
		t.Fatal(err)
	}
	before()
	again, err := l.Lock(t.Context(), "broken/1", false)
	if err != nil {
		t.Fatal(err)
	}
	again()
	after()
}

// TestSharersLetAWriterIn_K7: those who share a lock in one replica, one
// beginning before the other ends, do not keep a writer of another out for good.
func TestSharersLetAWriterIn_K7(t *testing.T) {
	t.Parallel()
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set")
	}
	a, err := OpenAdvisoryLocker(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := OpenAdvisoryLocker(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, patience := context.WithTimeout(t.Context(), 20*time.Second)
	defer patience()
	held, err := a.Lock(ctx, "repository/busy", true)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		unlock, err := b.Lock(ctx, "repository/busy", false)
		if err == nil {
			unlock()
		}
		got <- err
	}()
	for in := false; !in; {
		select {
		case err := <-got:
			if err != nil {
				t.Fatal(err)
			}
			in = true
		default:
			overlap, cancel := context.WithTimeout(ctx, 2*shareFor)
			next, err := a.Lock(overlap, "repository/busy", true)
			cancel()
			held()
			if held = next; err != nil {
				held = func() {}
			}
		}
	}
	held()
}

// TestALostLockIsNoticed_K7: when the server ends a connection, as it does when
// another takes over, whoever held its locks learns of it before he relies on one.
func TestALostLockIsNoticed_K7(t *testing.T) {
	t.Parallel()
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set")
	}
	url := newPostgres(t, server)
	var replicas [2]*AdvisoryLocker
	for i := range replicas {
		l, err := OpenAdvisoryLocker(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		replicas[i] = l
	}
	admin, err := openPostgres(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	for _, waited := range []bool{false, true} {
		key := fmt.Sprint("tag/waited ", waited)
		var other func()
		if waited {
			if other, err = replicas[1].Lock(t.Context(), key, false); err != nil {
				t.Fatal(err)
			}
			go func() {
				for held(t, admin, key) < 2 { // until the first waits for the second
				}
				other()
			}()
		}
		unlock, err := replicas[0].Lock(t.Context(), key, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := replicas[0].Held(t.Context(), key); err != nil {
			t.Errorf("held, %s: %v", key, err)
		}
		if err := replicas[1].Held(t.Context(), key); err == nil {
			t.Errorf("%s: another holds it too", key)
		}
		const end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
		if _, err := admin.write.ExecContext(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		taken, err := replicas[1].Lock(t.Context(), key, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := replicas[0].Held(t.Context(), key); err == nil {
			t.Errorf("%s: a lost lock is said to be held", key)
		}
		unlock()
		if err := replicas[1].Held(t.Context(), key); err != nil {
			t.Errorf("%s: the next holder lost it to the one before: %v", key, err)
		}
		taken()
		if err := replicas[1].Held(t.Context(), key); err == nil {
			t.Errorf("%s: it was given back", key)
		}
	}
}

// held is how many hold or wait for a key.
func held(t *testing.T, admin *Store, key string) (n int) {
	t.Helper()
	err := admin.write.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks, (SELECT hashtextextended(?, 0) AS k) AS h
		WHERE locktype = 'advisory' AND classid::bigint = (k >> 32) & 4294967295 AND objid::bigint = k & 4294967295`, lockName(key)).Scan(&n)
	if err != nil {
		t.Error(err)
		return 2
	}
	return n
}
