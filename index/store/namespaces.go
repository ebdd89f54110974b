package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
)

type namespaceRow struct {
	bun.BaseModel `bun:"table:namespaces"`

	Name          string `bun:"name,pk"`
	Public        bool   `bun:"public"`
	PublishingOff bool   `bun:"publishing_off"`
	ClosedAt      int64  `bun:"closed_at"`
	CreatedBy     string `bun:"created_by"`
	CreatedAt     int64  `bun:"created_at"`
	Revision      int64  `bun:"revision"`
}

type keyRow struct {
	bun.BaseModel `bun:"table:namespace_keys"`

	Key       string `bun:"key,pk"`
	Namespace string `bun:"namespace"`
}

func namespaceRowOf(n auth.NamespaceRecord) namespaceRow {
	return namespaceRow{
		Name: n.Name, Public: n.Public, PublishingOff: n.PublishingOff, ClosedAt: micro(n.ClosedAt),
		CreatedBy: n.CreatedBy, CreatedAt: micro(n.CreatedAt), Revision: n.Revision,
	}
}

// AddNamespace stores a new namespace with its first owner, all or nothing. A
// name or a key that is there is a conflict.
func (s *Store) AddNamespace(ctx context.Context, n auth.NamespaceRecord, owner string, keys []string) error {
	what := fmt.Sprintf("namespace %q", n.Name)
	return s.InTx(ctx, func(ctx context.Context) error {
		row := namespaceRowOf(n)
		if _, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx); err != nil {
			return wrap(what, err)
		}
		if len(keys) > 0 {
			rows := make([]keyRow, len(keys))
			for i, k := range keys {
				rows[i] = keyRow{Key: k, Namespace: n.Name}
			}
			if _, err := s.writer(ctx).NewInsert().Model(&rows).Exec(ctx); err != nil {
				return wrap(what+": look-alike", err)
			}
		}
		m := memberRow{Namespace: n.Name, Principal: owner, Role: roleOwner, AddedBy: n.CreatedBy, AddedAt: micro(n.CreatedAt)}
		_, err := s.writer(ctx).NewInsert().Model(&m).Exec(ctx)
		return wrap(what, err)
	})
}

// Namespace returns one.
func (s *Store) Namespace(ctx context.Context, name string) (auth.NamespaceRecord, error) {
	var r namespaceRow
	if err := s.reader(ctx).NewSelect().Model(&r).Where("name = ?", name).Scan(ctx); err != nil {
		return auth.NamespaceRecord{}, wrap(fmt.Sprintf("namespace %q", name), err)
	}
	return r.record(), nil
}

func (r namespaceRow) record() auth.NamespaceRecord {
	return auth.NamespaceRecord{
		Name: r.Name, Public: r.Public, PublishingOff: r.PublishingOff, ClosedAt: fromMicro(r.ClosedAt),
		CreatedBy: r.CreatedBy, CreatedAt: fromMicro(r.CreatedAt), Revision: r.Revision,
	}
}

// NamespacesAfter are at most limit namespaces with a name after that one, in
// the order of their names' bytes.
func (s *Store) NamespacesAfter(ctx context.Context, after string, limit int) ([]auth.NamespaceRecord, error) {
	var rows []namespaceRow
	err := s.reader(ctx).NewSelect().Model(&rows).Where("name COLLATE ? > ?", s.byteOrder(), after).
		OrderExpr("name COLLATE ?", s.byteOrder()).Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, wrap("namespaces", err)
	}
	records := make([]auth.NamespaceRecord, len(rows))
	for i, r := range rows {
		records[i] = r.record()
	}
	return records, nil
}

// NamespacesClaimedBy is how many namespaces a principal claimed, those that it
// closed or gave away included. In a transaction it excludes other claims by
// the same principal until the end.
func (s *Store) NamespacesClaimedBy(ctx context.Context, principal string) (int, error) {
	if _, ok := ctx.Value(txKey{s}).(bun.Tx); ok {
		if err := s.serialize(ctx, "claims of "+principal); err != nil {
			return 0, err
		}
	}
	n, err := s.reader(ctx).NewSelect().Model((*namespaceRow)(nil)).Where("created_by = ?", principal).Count(ctx)
	return int(n), wrap("claims of "+principal, err)
}

// NamespaceNames are all of them, closed ones included, in order.
func (s *Store) NamespaceNames(ctx context.Context) ([]string, error) {
	var names []string
	err := s.reader(ctx).NewSelect().Model((*namespaceRow)(nil)).Column("name").OrderExpr("name COLLATE ?", s.byteOrder()).Scan(ctx, &names)
	return names, wrap("namespaces", err)
}

// NamespacesPublic are all of them; true where everybody may pull.
func (s *Store) NamespacesPublic(ctx context.Context) (map[string]bool, error) {
	var rows []namespaceRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Column("name", "public").Scan(ctx); err != nil {
		return nil, wrap("namespaces", err)
	}
	public := make(map[string]bool, len(rows))
	for _, r := range rows {
		public[r.Name] = r.Public
	}
	return public, nil
}

// byteOrder is the collation that sorts by bytes, as Go does.
func (s *Store) byteOrder() bun.Ident {
	if s.postgres() {
		return "C"
	}
	return "BINARY"
}

// UpdateNamespace replaces the one whose revision is n.Revision and raises it;
// another revision is a conflict. Who made it and when stays.
func (s *Store) UpdateNamespace(ctx context.Context, n auth.NamespaceRecord) error {
	what := fmt.Sprintf("namespace %q", n.Name)
	return s.InTx(ctx, func(ctx context.Context) error {
		row := namespaceRowOf(n)
		row.Revision++
		changed, err := affected(s.writer(ctx).NewUpdate().Model(&row).ExcludeColumn("created_by", "created_at").
			WherePK().Where("revision = ?", n.Revision).Exec(ctx))
		if err != nil || changed == 1 {
			return wrap(what, err)
		}
		if _, err := s.Namespace(ctx, n.Name); err != nil {
			return err
		}
		return fmt.Errorf("%s: somebody changed it meanwhile: %w", what, artifact.ErrConflict)
	})
}
