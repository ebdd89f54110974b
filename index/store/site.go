package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
)

type siteRow struct {
	bun.BaseModel `bun:"table:site"`

	ID        int64  `bun:"id,pk"`
	Kind      string `bun:"kind"`
	FoundedAt int64  `bun:"founded_at"`
}

// Site says what the database belongs to. One that belongs to nothing yet
// wraps artifact.ErrNotFound.
func (s *Store) Site(ctx context.Context) (auth.SiteRecord, error) {
	var r siteRow
	if err := s.reader(ctx).NewSelect().Model(&r).Where("id = 1").Scan(ctx); err != nil {
		return auth.SiteRecord{}, wrap("site", err)
	}
	return auth.SiteRecord{Kind: auth.SiteKind(r.Kind), FoundedAt: fromMicro(r.FoundedAt)}, nil
}

// FoundSite says what the database belongs to from now on. In a transaction no
// other is founded until its end; one that is there is a conflict.
func (s *Store) FoundSite(ctx context.Context, site auth.SiteRecord) error {
	_, err := s.writer(ctx).NewInsert().Model(&siteRow{ID: 1, Kind: string(site.Kind), FoundedAt: micro(site.FoundedAt)}).Exec(ctx)
	return wrap("site", err)
}

// Founding makes the rest of the transaction exclude others that found a site.
func (s *Store) Founding(ctx context.Context) error { return s.serialize(ctx, "site") }

// Holds says what of accounts is in the database.
func (s *Store) Holds(ctx context.Context) (auth.Holds, error) {
	var h auth.Holds
	count := func(into *int, model any, where string, args ...any) error {
		q := s.reader(ctx).NewSelect().Model(model)
		if where != "" {
			q = q.Where(where, args...)
		}
		n, err := q.Count(ctx)
		*into += int(n)
		return err
	}
	for _, one := range []struct {
		into  *int
		model any
		where string
		args  []any
	}{
		{&h.Tokens, (*tokenRow)(nil), "", nil},
		{&h.People, (*personRow)(nil), "", nil},
		{&h.Namespaces, (*namespaceRow)(nil), "", nil},
		{&h.Members, (*memberRow)(nil), "", nil},
		{&h.Admins, (*tokenRow)(nil), "kind = 'admin' AND created_by NOT LIKE 'dev:%' AND created_by <> ?", []any{auth.DevAdmin().Name}},
		{&h.Dev, (*tokenRow)(nil), "created_by LIKE 'dev:%' OR created_by = ?", []any{auth.DevAdmin().Name}},
		{&h.Dev, (*namespaceRow)(nil), "created_by = ?", []any{auth.DevAdmin().Name}},
		{&h.Dev, (*memberRow)(nil), "added_by = ?", []any{auth.DevAdmin().Name}},
		{&h.Dev, (*auditRow)(nil), "actor = ?", []any{auth.DevAdmin().Name}},
	} {
		if err := count(one.into, one.model, one.where, one.args...); err != nil {
			return h, wrap("site", err)
		}
	}
	return h, nil
}

// kept are the tables that outlive what a database belonged to: the log of what
// was done, the publication log, when versions came, which gives nobody anything, and the keys that
// sign access tokens, which live for minutes.
var kept = map[string]bool{"audit": true, "audit_anchor": true, "log_cosigned": true, "log_head": true, "log_leaves": true, "log_tiles": true, "publications": true, "signing_keys": true}

// Forsake removes every row that gives anybody anything, and what they belong
// to: accounts, credentials, namespaces, roles and all that hangs on them. The
// audit log stays. It belongs into a transaction, with what is founded next.
func (s *Store) Forsake(ctx context.Context) error {
	tx, ok := ctx.Value(txKey{s}).(bun.Tx)
	if !ok {
		return fmt.Errorf("site: it is forsaken in a transaction only: %w", artifact.ErrInvalid)
	}
	tables, err := s.tables(ctx, tx.Tx)
	if err != nil {
		return err
	}
	for i := len(tables) - 1; i >= 0; i-- { // what refers to others comes after them
		if kept[tables[i].Name] {
			continue
		}
		if _, err := tx.Tx.ExecContext(ctx, "DELETE FROM "+quoted(tables[i].Name)); err != nil { //nolint:gosec // a name that the database gave, quoted
			return wrap("site: "+tables[i].Name, err)
		}
	}
	return nil
}
