package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// versionTable is where goose keeps the version of the schema.
const versionTable = "schema_version"

// A table is one of ours, as the database itself describes it.
type table struct {
	DumpTable
	key      []string // columns of the primary key, in order
	names    []string // tables that its rows refer to
	identity []string // columns that the database numbers by itself
	byBytes  string   // the collation that compares bytes
}

// querier is a transaction or a connection.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// tables describes every table but goose's: those that others refer to first.
func (s *Store) tables(ctx context.Context, q querier) ([]table, error) {
	names, columns := sqliteTables, sqliteColumns
	if s.postgres() {
		names, columns = postgresTables, postgresColumns
	}
	found := map[string]*table{}
	var order []string
	err := eachRow(ctx, q, names, nil, func(r *sql.Rows) error {
		var name string
		if err := r.Scan(&name); err != nil {
			return err
		}
		if name != versionTable {
			order = append(order, name)
		}
		return nil
	})
	if err != nil {
		return nil, wrap("schema", err)
	}
	for _, name := range order {
		t, err := s.table(ctx, q, name, columns)
		if err != nil {
			return nil, err
		}
		found[name] = &t
	}
	return sorted(order, found)
}

func (s *Store) table(ctx context.Context, q querier, name, columns string) (table, error) {
	t := table{DumpTable: DumpTable{Name: name}, byBytes: "BINARY"}
	references := sqliteReferences
	if s.postgres() {
		t.byBytes, references = `"C"`, postgresReferences
	}
	type keyed struct {
		at   int
		name string
	}
	var key []keyed
	err := eachRow(ctx, q, columns, []any{name}, func(r *sql.Rows) error {
		var column, declared string
		var at int
		var numbered bool
		if err := r.Scan(&column, &declared, &at, &numbered); err != nil {
			return err
		}
		kind, ok := kinds[strings.ToUpper(declared)]
		if !ok {
			return fmt.Errorf("table %q: column %q: type %q cannot be dumped", name, column, declared)
		}
		t.Columns = append(t.Columns, struct {
			Name string `json:"name"`
			Kind string `json:"kind"`
		}{column, kind})
		if at > 0 {
			key = append(key, keyed{at, column})
		}
		if numbered {
			t.identity = append(t.identity, column)
		}
		return nil
	})
	if err != nil {
		return t, wrap("schema", err)
	}
	slices.SortFunc(key, func(a, b keyed) int { return a.at - b.at })
	for _, k := range key {
		t.key = append(t.key, k.name)
	}
	err = eachRow(ctx, q, references, []any{name}, func(r *sql.Rows) error {
		var to string
		err := r.Scan(&to)
		t.names = append(t.names, to)
		return err
	})
	return t, wrap("schema", err)
}

// kinds are the declared types that a dump can hold.
var kinds = map[string]string{
	"TEXT": kindText, "CHARACTER VARYING": kindText, "VARCHAR": kindText,
	"BIGINT": kindInteger, "INTEGER": kindInteger, "INT": kindInteger, "SMALLINT": kindInteger,
	"BOOLEAN": kindBoolean,
	"REAL":    kindReal, "DOUBLE PRECISION": kindReal,
	"BLOB": kindBytes, "BYTEA": kindBytes,
}

const (
	sqliteTables     = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`
	sqliteColumns    = `SELECT name, type, pk, false FROM pragma_table_info(?) ORDER BY cid`
	sqliteReferences = `SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)`

	postgresTables  = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name COLLATE "C"`
	postgresColumns = `SELECT c.column_name, c.data_type,
  coalesce((SELECT k.ordinal_position FROM information_schema.table_constraints p
    JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name)
    WHERE p.constraint_type = 'PRIMARY KEY' AND p.table_schema = c.table_schema AND p.table_name = c.table_name AND k.column_name = c.column_name), 0),
  c.is_identity = 'YES' OR c.column_default LIKE 'nextval(%' IS TRUE
  FROM information_schema.columns c WHERE c.table_schema = current_schema() AND c.table_name = $1 ORDER BY c.ordinal_position`
	postgresReferences = `SELECT DISTINCT f.relname FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace WHERE k.contype = 'f' AND n.nspname = current_schema() AND t.relname = $1`
)

// sorted puts each table after those that it refers to.
func sorted(order []string, found map[string]*table) ([]table, error) {
	var out []table
	done := map[string]bool{}
	for len(out) < len(order) {
		before := len(out)
		for _, name := range order {
			t := found[name]
			waits := slices.ContainsFunc(t.names, func(to string) bool { return to != name && !done[to] })
			if done[name] || waits {
				continue
			}
			done[name] = true
			out = append(out, *t)
		}
		if len(out) == before {
			return nil, errors.New("schema: tables refer to one another in a circle")
		}
	}
	return out, nil
}

// schemaVersion is the newest migration that was applied.
func (s *Store) schemaVersion(ctx context.Context, q querier) (version int64, err error) {
	err = eachRow(ctx, q, "SELECT coalesce(max(version_id), 0) FROM "+versionTable, nil, func(r *sql.Rows) error { return r.Scan(&version) })
	return version, wrap("schema", err)
}

func eachRow(ctx context.Context, q querier, query string, args []any, row func(*sql.Rows) error) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Err(), rows.Close()) }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return nil
}
