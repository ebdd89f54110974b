package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
)

// ErrPooled refuses a pooler that gives a connection to PostgreSQL to another
// client after each transaction, such as PgBouncer with pool_mode=transaction:
// a lock of a session then excludes nobody.
var ErrPooled = errors.New("the address of db is a pooler in transaction mode, where locks of a session exclude nobody: " +
	"point db at PostgreSQL itself, or set pool_mode=session")

// pooledTries is how often two connections are compared: a pooler that takes its
// servers in turn gives the same one again only after some.
const pooledTries = 4

// checkSessions finds out whether a connection of db stays with one backend of
// PostgreSQL. Two that are open at once never have the same one, and one never
// changes it, unless something stands between that shares them.
func checkSessions(ctx context.Context, db *sql.DB) (err error) {
	ctx, cancel := context.WithTimeout(ctx, lockAnswer)
	defer cancel()
	one, err := db.Conn(ctx)
	if err != nil {
		return wrap("locks", err)
	}
	defer func() { _ = one.Close() }()
	other, err := db.Conn(ctx)
	if err != nil {
		return wrap("locks", err)
	}
	defer func() { _ = other.Close() }()
	first, err := backend(ctx, one)
	if err != nil {
		return err
	}
	for range pooledTries {
		tx, err := other.BeginTx(ctx, nil) // keeps a backend from the first one
		if err != nil {
			return wrap("locks", err)
		}
		beside, err := backend(ctx, tx)
		var again string
		if err == nil && beside != first {
			again, err = backend(ctx, one)
		}
		if err = errors.Join(err, tx.Rollback()); err != nil {
			return err
		}
		if beside == first || again != first {
			return fmt.Errorf("locks: %w: %w", ErrPooled, artifact.ErrInvalid)
		}
	}
	return nil
}

// backend names the process of PostgreSQL that answers.
func backend(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (id string, err error) {
	err = q.QueryRowContext(ctx, "SELECT pg_backend_pid()::text || ' of ' || pg_postmaster_start_time()::text").Scan(&id)
	return id, wrap("locks", err)
}
