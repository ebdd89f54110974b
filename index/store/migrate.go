package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// latest asks migrate for every version that this release knows.
const latest = 0

// migrate brings the schema to a version. Each step is a transaction; replicas
// that start together do it one after the other.
func (s *Store) migrate(ctx context.Context, version int64) error {
	p, err := s.provider()
	if err != nil {
		return err
	}
	have, newest, err := p.GetVersions(ctx)
	if err != nil {
		return wrap("schema", err)
	}
	if have > newest {
		return newer(have, newest)
	}
	if version == latest {
		version = newest
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return wrap("schema", err)
	}
	return nil
}

func (s *Store) provider() (*goose.Provider, error) {
	dialect, dir := goose.DialectSQLite3, "migrations/sqlite"
	options := []goose.ProviderOption{goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true)}
	if s.postgres() {
		dialect, dir = goose.DialectPostgres, "migrations/postgres"
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("schema: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	p, err := goose.NewProvider(dialect, s.write.DB, files, options...)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return p, nil
}

// check finds out early that a file is no database or damaged; whole reads
// all of it.
func (s *Store) check(ctx context.Context, whole bool) error {
	query := "PRAGMA schema_version"
	if whole {
		query = "PRAGMA quick_check(1)"
	}
	var answer string
	if err := s.read.QueryRowContext(ctx, query).Scan(&answer); err != nil {
		return wrap(fmt.Sprintf("database %q", s.path), err)
	}
	if whole && answer != "ok" {
		return fmt.Errorf("database %q: %s: %w", s.path, answer, ErrDamaged)
	}
	return nil
}

// Check reads the whole database and reports damage: an error that wraps
// ErrDamaged names the first. PostgreSQL checks itself.
func (s *Store) Check(ctx context.Context) error {
	if s.postgres() {
		return s.Ping(ctx)
	}
	if err := s.check(ctx, true); err != nil {
		return err
	}
	rows, err := s.read.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return wrap("database", err)
	}
	broken := rows.Next()
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return wrap("database", err)
	}
	if broken {
		return fmt.Errorf("database %q: a row refers to one that is not there: %w", s.path, ErrDamaged)
	}
	return nil
}
