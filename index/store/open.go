package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/oarlock/oarlock/artifact"
)

// checkBelow is the size of a SQLite file up to which Open checks all of it.
const checkBelow = 64 << 20

// A Store is an open database. It is safe for concurrent use; Close ends it.
type Store struct {
	// write is where changes go and read where questions outside a
	// transaction go. SQLite has one writer, so its write pool has one
	// connection and nobody waits on a locked file; PostgreSQL uses one pool
	// for both.
	write, read *bun.DB
	path        string        // of the SQLite file, "" for PostgreSQL
	silent      *atomic.Int64 // how long PostgreSQL may say nothing, 0 for ever
	found       found         // what Newer saw last
}

// Open opens the database that url names and brings its schema up to date:
//
//	sqlite://PATH                     a file; its folder has to be there
//	postgres://USER@HOST:PORT/NAME    PostgreSQL 14 or newer
//
// A damaged file wraps ErrDamaged, one that a newer release wrote wraps
// ErrNewer, and a url that is neither wraps artifact.ErrInvalid.
func Open(ctx context.Context, url string) (*Store, error) {
	s, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx, latest); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.hurry()
	return s, nil
}

// hurry makes connections break on which PostgreSQL says nothing for long; a
// step of the schema may take its time.
func (s *Store) hurry() {
	if s.silent != nil {
		s.silent.Store(int64(silentFor))
	}
}

func connect(ctx context.Context, url string) (*Store, error) {
	scheme, path, ok := strings.Cut(url, "://")
	switch {
	case ok && scheme == "sqlite" && path != "":
		return openSQLite(ctx, path)
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		return openPostgres(ctx, url)
	}
	return nil, fmt.Errorf("database: scheme %q: expected sqlite://PATH or postgres://…: %w", scheme, artifact.ErrInvalid)
}

func openSQLite(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	// The file is made here so that nobody else can read it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	s := &Store{path: path}
	for pool, size := range map[**bun.DB]int{&s.write: 1, &s.read: 8} {
		db, err := sql.Open("sqlite", sqliteName(path))
		if err != nil {
			return nil, fmt.Errorf("database %q: %w", path, err)
		}
		db.SetMaxOpenConns(size)
		db.SetMaxIdleConns(size)
		*pool = bun.NewDB(db, sqlitedialect.New())
	}
	if err := s.check(ctx, info.Size() <= checkBelow); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// sqliteName is the data source: a transaction takes the write lock when it
// begins, so that it never fails in the middle because another was faster.
func sqliteName(path string) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)",
	}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// openSQLiteBeside opens a file that a server may have open. Nothing is written
// through it, and reads see whole transactions only.
func openSQLiteBeside(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("database %q: %w", path, artifact.ErrNotFound)
	} else if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	q := url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(10000)", "query_only(1)", "trusted_schema(0)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("database %q: %w", path, err)
	}
	s := &Store{path: path, read: bun.NewDB(db, sqlitedialect.New())}
	s.write = s.read
	if err := s.check(ctx, false); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openPostgres(ctx context.Context, url string) (*Store, error) {
	silent := new(atomic.Int64)
	db, err := openPool(url, silent)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	db.SetConnMaxIdleTime(5 * time.Minute)
	both := bun.NewDB(db, pgdialect.New())
	if err := both.PingContext(ctx); err != nil {
		// The driver's text can hold the password of the url.
		return nil, errors.Join(fmt.Errorf("database: PostgreSQL at %q does not answer: %s", hostOf(url), reason(err)), both.Close())
	}
	return &Store{write: both, read: both, silent: silent}, nil
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "?"
	}
	return u.Host
}

// Close waits for what runs and closes the database.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*bun.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.read.PingContext(ctx) }

// postgres reports which of the two it is.
func (s *Store) postgres() bool { return s.path == "" }
