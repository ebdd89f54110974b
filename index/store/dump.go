package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const (
	// partRows and partBytes bound one part of a dump. Parts begin at a row
	// number, so that those of a log that only grows stay the same.
	partRows  = 2048
	partBytes = 8 << 20
)

// A DumpTable describes one table of a dump. A row is one line: a JSON array
// with a value for each column. The kinds of column are "text", "integer",
// "boolean", "real", and "bytes", which is base64.
type DumpTable = struct {
	Name    string `json:"name"`
	Columns []struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	} `json:"columns"`
}

// Dump reads every table as of one moment, while others write, and hands out
// the rows in parts: the tables in an order in which no row names a later one,
// the rows in the order of their key. The same rows give the same parts from
// either database. An error of part ends it. It says how the tables look, and
// which version of the schema that is.
func (s *Store) Dump(ctx context.Context, part func(table string, rows int64, lines []byte) error) (schema int64, tables []DumpTable, err error) {
	tx, err := s.read.DB.BeginTx(ctx, s.moment())
	if err != nil {
		return 0, nil, wrap("dump", err)
	}
	defer func() { _ = tx.Rollback() }() // it only read
	if schema, err = s.schemaVersion(ctx, tx); err != nil {
		return 0, nil, err
	}
	found, err := s.tables(ctx, tx)
	if err != nil {
		return 0, nil, err
	}
	for _, t := range found {
		if err := dumpTable(ctx, tx, t, part); err != nil {
			return 0, nil, fmt.Errorf("dump: table %q: %w", t.Name, err)
		}
		tables = append(tables, t.DumpTable)
	}
	return schema, tables, nil
}

// moment is a transaction that sees one state whatever others write.
func (s *Store) moment() *sql.TxOptions {
	if s.postgres() {
		return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return &sql.TxOptions{ReadOnly: true}
}

func dumpTable(ctx context.Context, tx *sql.Tx, t table, part func(string, int64, []byte) error) (err error) {
	rows, err := tx.QueryContext(ctx, t.selectAll())
	if err != nil {
		return wrap("read", err)
	}
	defer func() { err = errors.Join(err, wrap("read", rows.Err()), rows.Close()) }()
	var lines bytes.Buffer
	var count int64
	flush := func() error {
		if count == 0 {
			return nil
		}
		err := part(t.Name, count, bytes.Clone(lines.Bytes()))
		lines.Reset()
		count = 0
		return err
	}
	values, into := t.scanner()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return wrap("read", err)
		}
		line, err := json.Marshal(values())
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
		if count++; count >= partRows || lines.Len() >= partBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// selectAll reads every row in the order of the key; text is ordered by its
// bytes in both databases.
func (t table) selectAll() string {
	columns := make([]string, len(t.Columns))
	kinds := map[string]string{}
	for i, c := range t.Columns {
		columns[i], kinds[c.Name] = quoted(c.Name), c.Kind
	}
	key := t.key
	if len(key) == 0 {
		for _, c := range t.Columns {
			key = append(key, c.Name)
		}
	}
	order := make([]string, len(key))
	for i, name := range key {
		order[i] = quoted(name)
		if kinds[name] == kindText {
			order[i] += " COLLATE " + t.byBytes
		}
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + quoted(t.Name) + " ORDER BY " + strings.Join(order, ", ")
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
