package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

type signingKeyRow struct {
	bun.BaseModel `bun:"table:signing_keys"`

	ID  string `bun:"id,pk"`
	Key []byte `bun:"key"`
}

// LoadKeys returns the private signing keys that replicas share, by id. A site
// of one process keeps them in files instead.
func (s *Store) LoadKeys(ctx context.Context) (map[string][]byte, error) {
	var rows []signingKeyRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Scan(ctx); err != nil {
		return nil, wrap("signing keys", err)
	}
	keys := make(map[string][]byte, len(rows))
	for _, r := range rows {
		keys[r.ID] = r.Key
	}
	return keys, nil
}

// SaveKey stores a new signing key; an id that is there is a conflict.
func (s *Store) SaveKey(ctx context.Context, id string, key []byte) error {
	_, err := s.writer(ctx).NewInsert().Model(&signingKeyRow{ID: id, Key: key}).Exec(ctx)
	return wrap(fmt.Sprintf("signing key %q", id), err)
}

// RemoveKey removes a signing key; one that is not there is no error.
func (s *Store) RemoveKey(ctx context.Context, id string) error {
	_, err := s.writer(ctx).NewDelete().Model((*signingKeyRow)(nil)).Where("id = ?", id).Exec(ctx)
	return wrap(fmt.Sprintf("signing key %q", id), err)
}
