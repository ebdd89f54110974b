package store

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// textList is a list of strings in one column, as JSON.
type textList []string

// Value implements driver.Valuer.
func (l textList) Value() (driver.Value, error) {
	if len(l) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal([]string(l))
	return string(b), err
}

// Scan implements sql.Scanner. An empty list comes back as nil.
func (l *textList) Scan(src any) error {
	var b []byte
	switch v := src.(type) {
	case string:
		b = []byte(v)
	case []byte:
		b = v
	default:
		return fmt.Errorf("list: unexpected %T", src)
	}
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		return fmt.Errorf("list %.100q: %v: %w", b, err, ErrDamaged)
	}
	if len(list) == 0 {
		list = nil
	}
	*l = list
	return nil
}

func affected(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
