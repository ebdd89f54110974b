package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
)

type tokenRow struct {
	bun.BaseModel `bun:"table:tokens"`

	ID        string   `bun:"id,pk"`
	Kind      string   `bun:"kind"`
	Name      string   `bun:"name"`
	Principal string   `bun:"principal"`
	Namespace string   `bun:"namespace"`
	Parent    string   `bun:"parent"`
	Scopes    textList `bun:"scopes,type:text"`
	Hash      []byte   `bun:"hash"`
	CreatedBy string   `bun:"created_by"`
	CreatedAt int64    `bun:"created_at"`
	ExpiresAt int64    `bun:"expires_at"`
	RevokedAt int64    `bun:"revoked_at"`
	UsedAt    int64    `bun:"used_at"`
}

func (r tokenRow) record() auth.TokenRecord {
	return auth.TokenRecord{
		ID: r.ID, Kind: r.Kind, Name: r.Name, Principal: r.Principal, Namespace: r.Namespace, Parent: r.Parent,
		Scopes: r.Scopes, Hash: r.Hash, CreatedBy: r.CreatedBy, CreatedAt: fromMicro(r.CreatedAt),
		ExpiresAt: fromMicro(r.ExpiresAt), RevokedAt: fromMicro(r.RevokedAt), UsedAt: fromMicro(r.UsedAt),
	}
}

// AddToken stores a new credential; an ID that is there is a conflict.
func (s *Store) AddToken(ctx context.Context, t auth.TokenRecord) error {
	row := tokenRow{
		ID: t.ID, Kind: t.Kind, Name: t.Name, Principal: t.Principal, Namespace: t.Namespace, Parent: t.Parent,
		Scopes: t.Scopes, Hash: t.Hash, CreatedBy: t.CreatedBy, CreatedAt: micro(t.CreatedAt),
		ExpiresAt: micro(t.ExpiresAt), RevokedAt: micro(t.RevokedAt), UsedAt: micro(t.UsedAt),
	}
	_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
	return wrap(fmt.Sprintf("token %q", t.ID), err)
}

// Token returns one credential, ended or not.
func (s *Store) Token(ctx context.Context, id string) (auth.TokenRecord, error) {
	var row tokenRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where("id = ?", id).Scan(ctx); err != nil {
		return auth.TokenRecord{}, wrap(fmt.Sprintf("token %q", id), err)
	}
	return row.record(), nil
}

// ListTokens returns those of a namespace, of a principal, or of both; "" does
// not filter. Newest first.
func (s *Store) ListTokens(ctx context.Context, namespace, principal string) ([]auth.TokenRecord, error) {
	var rows []tokenRow
	q := s.reader(ctx).NewSelect().Model(&rows).Order("created_at DESC", "id")
	if namespace != "" {
		q = q.Where("namespace = ?", namespace)
	}
	if principal != "" {
		q = q.Where("principal = ?", principal)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, wrap("tokens", err)
	}
	records := make([]auth.TokenRecord, len(rows))
	for i, row := range rows {
		records[i] = row.record()
	}
	return records, nil
}

// RevokeToken ends one credential; of several callers one succeeds and the
// others get a conflict.
func (s *Store) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		n, err := affected(s.writer(ctx).NewUpdate().Model((*tokenRow)(nil)).
			Set("revoked_at = ?", micro(at)).Where("id = ? AND revoked_at = 0", id).Exec(ctx))
		if err != nil || n == 1 {
			return wrap(fmt.Sprintf("token %q", id), err)
		}
		if _, err := s.Token(ctx, id); err != nil {
			return err
		}
		return fmt.Errorf("token %q: it has ended already: %w", id, artifact.ErrConflict)
	})
}

// TouchToken notes the last use of one credential; an earlier time changes nothing.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time) error {
	_, err := s.writer(ctx).NewUpdate().Model((*tokenRow)(nil)).
		Set("used_at = ?", micro(at)).Where("id = ? AND used_at < ?", id, micro(at)).Exec(ctx)
	return wrap(fmt.Sprintf("token %q", id), err)
}

// ForgetTokens removes the credentials that ended before a time, for a
// scheduler: logins and codes would pile up. It returns how many went. Admin
// tokens stay: the last trace of the first one says that no other first one is
// to be made.
func (s *Store) ForgetTokens(ctx context.Context, before time.Time) (int64, error) {
	at := micro(before)
	n, err := affected(s.writer(ctx).NewDelete().Model((*tokenRow)(nil)).
		Where("kind <> 'admin'").Where("(expires_at > 0 AND expires_at < ?) OR (revoked_at > 0 AND revoked_at < ?)", at, at).Exec(ctx))
	return n, wrap("tokens", err)
}
