package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/oarlock/oarlock/artifact"
)

var (
	// ErrDamaged says that the database file is not what was written; restore a backup.
	ErrDamaged = errors.New("the database file is damaged: restore it from a backup")
	// ErrNewer says that a newer release wrote the database, and this one would break it.
	ErrNewer = errors.New("the database was written by a newer release: run that one")
)

// The result codes of SQLite that mean something here.
const (
	sqliteReadOnly   = 8
	sqliteCorrupt    = 11
	sqliteFull       = 13
	sqliteNotADB     = 26
	sqliteForeignKey = 787
	sqlitePrimaryKey = 1555
	sqliteUnique     = 2067
	sqliteShmSize    = 4874 // SQLITE_IOERR_SHMSIZE: no room for the index of the WAL
)

// An AwayError says that the server of the database gives no answer now, so
// that nothing can be told that stands there.
type AwayError struct{ Err error }

func (a *AwayError) Error() string { return a.Err.Error() }

// Unwrap gives what the driver said.
func (a *AwayError) Unwrap() error { return a.Err }

// Away makes it known to whoever answers a request.
func (a *AwayError) Away() string { return "the server's database gives no answer" }

// isAway reports whether err says that nobody answers: the connection cannot be
// had or was cut, or PostgreSQL ends, starts or takes no more of them.
func isAway(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "57P01", "57P02", "57P03", "53300": // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections
			return true
		}
		return pg.Code[:min(2, len(pg.Code))] == "08" // connection_exception
	}
	// A context's own end is a net.Error too.
	return !errors.Is(err, context.Canceled) && (errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF))
}

// kind gives a driver's error the kind that it has for callers.
func kind(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return artifact.ErrNotFound
	}
	if full := storageError(err); full != nil {
		return full
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() {
		case sqliteUnique, sqlitePrimaryKey:
			return artifact.ErrConflict
		case sqliteForeignKey:
			return artifact.ErrNotFound
		}
		if base := lite.Code() & 0xff; base == sqliteCorrupt || base == sqliteNotADB {
			return ErrDamaged
		}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "23505": // unique_violation
			return artifact.ErrConflict
		case "23503": // foreign_key_violation
			return artifact.ErrNotFound
		}
	}
	return nil
}

// storageError is what a database says when its disk takes nothing; nil
// where err says something else.
func storageError(err error) error {
	reason := ""
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch known := artifact.StorageErrorOf(err); {
	case known != nil:
		return known
	case errors.As(err, &lite):
		reason = map[int]string{sqliteFull: artifact.StorageFull, sqliteReadOnly: artifact.StorageReadOnly}[lite.Code()&0xff]
		if reason == "" {
			reason = map[int]string{sqliteShmSize: artifact.StorageFull}[lite.Code()]
		}
	case errors.As(err, &pg):
		// disk_full, read_only_sql_transaction: a standby, or one set so when its disk filled up
		reason = map[string]string{"53100": artifact.StorageFull, "25006": artifact.StorageReadOnly}[pg.Code]
	}
	if reason == "" {
		return nil
	}
	return &artifact.StorageError{Reason: reason, Err: err}
}

// wrap says what was done, and which kind of error it is.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	switch k := kind(err); {
	case k == nil && isAway(err):
		return fmt.Errorf("%s: %w", what, &AwayError{err})
	case k == nil:
		return fmt.Errorf("%s: %w", what, err)
	case errors.Is(k, artifact.ErrStorage):
		return fmt.Errorf("%s: %w", what, k)
	case errors.Is(k, ErrDamaged):
		return fmt.Errorf("%s: %w (%w)", what, ErrDamaged, err)
	default:
		return fmt.Errorf("%s: %w", what, k)
	}
}

// reason is what an error may tell about a failed connection.
func reason(err error) string {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		return pg.Message
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	default:
		return "no connection"
	}
}
