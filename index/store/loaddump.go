package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// OpenBeside opens the database that url names to read it while the server
// that it belongs to goes on: nothing is made, migrated or changed. A database
// that is not there wraps artifact.ErrNotFound.
func OpenBeside(ctx context.Context, url string) (*Store, error) {
	if path, ok := strings.CutPrefix(url, "sqlite://"); ok && path != "" {
		return openSQLiteBeside(ctx, path)
	}
	return connect(ctx, url)
}

// OpenEmpty opens the database that url names for Load, and makes its file
// where there is none. A database that holds a table with rows wraps
// artifact.ErrConflict and names it; it is returned open all the same, so that
// it can be looked at.
func OpenEmpty(ctx context.Context, url string) (*Store, error) {
	s, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	tables, err := s.tables(ctx, s.read.DB)
	for _, t := range tables {
		if err == nil {
			err = s.vacant(ctx, s.read.DB, t)
		}
	}
	if err != nil && !errors.Is(err, artifact.ErrConflict) {
		return nil, errors.Join(err, s.Close())
	}
	return s, err
}

// Load fills an empty database with a dump, in one transaction: all of it or
// nothing. The schema is brought to the version of the dump before and to the
// latest after. rows calls add with each part of a table. A dump of a newer
// release wraps ErrNewer; a table that has rows, or that is another than the
// dump's, wraps artifact.ErrConflict.
func (s *Store) Load(ctx context.Context, schema int64, dumped []DumpTable, rows func(table string, add func(lines []byte) error) error) error {
	if err := s.migrateFor(ctx, schema); err != nil {
		return err
	}
	tx, err := s.write.DB.BeginTx(ctx, nil)
	if err != nil {
		return wrap("load", err)
	}
	defer func() { _ = tx.Rollback() }()
	have, err := s.tables(ctx, tx)
	if err != nil {
		return err
	}
	for _, t := range dumped {
		at := slices.IndexFunc(have, func(h table) bool { return h.Name == t.Name })
		if at < 0 {
			return fmt.Errorf("load: table %q: schema version %d has no such table: %w", t.Name, schema, artifact.ErrConflict)
		}
		if err := s.loadTable(ctx, tx, have[at], t, rows); err != nil {
			return fmt.Errorf("load: table %q: %w", t.Name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return wrap("load", err)
	}
	return s.migrate(ctx, latest)
}

// migrateFor brings the schema to the version of a dump.
func (s *Store) migrateFor(ctx context.Context, schema int64) error {
	p, err := s.provider()
	if err != nil {
		return err
	}
	_, newest, err := p.GetVersions(ctx)
	if err != nil {
		return wrap("schema", err)
	}
	switch {
	case schema > newest:
		return fmt.Errorf("schema: version %d, this release knows %d: %w", schema, newest, ErrNewer)
	case schema <= 0:
		return fmt.Errorf("schema: version %d: %w", schema, artifact.ErrInvalid)
	}
	return s.migrate(ctx, schema)
}

func (s *Store) loadTable(ctx context.Context, tx *sql.Tx, here table, dumped DumpTable, rows func(string, func([]byte) error) error) error {
	if err := s.vacant(ctx, tx, here); err != nil {
		return err
	}
	from := here
	from.DumpTable = dumped
	for _, c := range dumped.Columns {
		if !slices.Contains(here.Columns, c) {
			return fmt.Errorf("column %q of kind %q is not in the schema: %w", c.Name, c.Kind, artifact.ErrConflict)
		}
	}
	insert, err := tx.PrepareContext(ctx, s.insertInto(from))
	if err != nil {
		return wrap("insert", err)
	}
	defer func() { _ = insert.Close() }()
	err = rows(here.Name, func(lines []byte) error {
		for line := range bytes.Lines(lines) {
			row, err := from.parseRow(line)
			if err != nil {
				return fmt.Errorf("row %.200q: %w: %w", line, err, artifact.ErrInvalid)
			}
			if _, err := insert.ExecContext(ctx, row...); err != nil {
				return wrap("insert", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.countOn(ctx, tx, here)
}

func (s *Store) insertInto(t table) string {
	columns, places := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i], places[i] = quoted(c.Name), "?"
		if s.postgres() {
			places[i] = fmt.Sprintf("$%d", i+1)
		}
	}
	overriding := ""
	if len(t.identity) > 0 {
		overriding = " OVERRIDING SYSTEM VALUE"
	}
	return "INSERT INTO " + quoted(t.Name) + " (" + strings.Join(columns, ", ") + ")" + overriding + " VALUES (" + strings.Join(places, ", ") + ")"
}

// countOn lets PostgreSQL number the next rows after those that were loaded;
// SQLite does by itself.
func (s *Store) countOn(ctx context.Context, tx *sql.Tx, t table) error {
	for _, column := range t.identity {
		query := "SELECT setval(pg_get_serial_sequence($1, $2), coalesce((SELECT max(" + quoted(column) + ") FROM " + quoted(t.Name) + "), 0) + 1, false)" //nolint:gosec // names come from the schema and are quoted
		if _, err := tx.ExecContext(ctx, query, quoted(t.Name), column); err != nil {
			return wrap("number on", err)
		}
	}
	return nil
}

// vacant is an error for a table that has rows.
func (s *Store) vacant(ctx context.Context, q querier, t table) error {
	found := false
	err := eachRow(ctx, q, "SELECT 1 FROM "+quoted(t.Name)+" LIMIT 1", nil, func(*sql.Rows) error { found = true; return nil })
	if err == nil && found {
		return fmt.Errorf("table %q has rows: the database is not empty: %w", t.Name, artifact.ErrConflict)
	}
	return wrap("read", err)
}
