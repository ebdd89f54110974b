package store

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// The kinds of column in a dump.
const (
	kindText    = "text"
	kindInteger = "integer"
	kindBoolean = "boolean"
	kindReal    = "real"
	kindBytes   = "bytes"
)

// odd is text that is no UTF-8, which JSON strings cannot hold.
type odd struct {
	Base64 []byte `json:"base64"`
}

// scanner gives places to scan a row of t into, and reads them as what JSON
// writes.
func (t table) scanner() (values func() []any, into []any) {
	into = make([]any, len(t.Columns))
	for i, c := range t.Columns {
		switch c.Kind {
		case kindText:
			into[i] = new(sql.NullString)
		case kindInteger:
			into[i] = new(sql.NullInt64)
		case kindBoolean:
			into[i] = new(sql.NullBool)
		case kindReal:
			into[i] = new(sql.NullFloat64)
		default:
			into[i] = new(sql.Null[[]byte])
		}
	}
	return func() []any {
		row := make([]any, len(into))
		for i, place := range into {
			row[i] = plain(place)
		}
		return row
	}, into
}

func plain(place any) any {
	switch v := place.(type) {
	case *sql.NullString:
		if v.Valid && !utf8.ValidString(v.String) {
			return odd{[]byte(v.String)}
		}
		return orNull(v.Valid, v.String)
	case *sql.NullInt64:
		return orNull(v.Valid, v.Int64)
	case *sql.NullBool:
		return orNull(v.Valid, v.Bool)
	case *sql.NullFloat64:
		return orNull(v.Valid, v.Float64)
	case *sql.Null[[]byte]:
		return orNull(v.Valid, append([]byte{}, v.V...))
	}
	return nil
}

func orNull(valid bool, v any) any {
	if !valid {
		return nil
	}
	return v
}

// parseRow reads one line of a dump of t as values for the database.
func (t table) parseRow(line []byte) ([]any, error) {
	var cells []json.RawMessage
	if err := json.Unmarshal(line, &cells); err != nil {
		return nil, err
	}
	if len(cells) != len(t.Columns) {
		return nil, fmt.Errorf("%d values, expected %d", len(cells), len(t.Columns))
	}
	row := make([]any, len(cells))
	for i, cell := range cells {
		v, err := parseCell(t.Columns[i].Kind, cell)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", t.Columns[i].Name, err)
		}
		row[i] = v
	}
	return row, nil
}

func parseCell(kind string, cell json.RawMessage) (any, error) {
	if string(cell) == "null" {
		return nil, nil
	}
	switch kind {
	case kindText:
		var strange odd
		if len(cell) > 0 && cell[0] == '{' {
			err := json.Unmarshal(cell, &strange)
			return string(strange.Base64), err
		}
		return parseAs[string](cell)
	case kindInteger:
		return parseAs[int64](cell)
	case kindBoolean:
		return parseAs[bool](cell)
	case kindReal:
		return parseAs[float64](cell)
	case kindBytes:
		text, err := parseAs[string](cell)
		if err != nil {
			return nil, err
		}
		return base64.StdEncoding.DecodeString(text.(string))
	}
	return nil, fmt.Errorf("kind %q is not known", kind)
}

func parseAs[T any](cell json.RawMessage) (any, error) {
	var v T
	err := json.Unmarshal(cell, &v)
	return v, err
}
