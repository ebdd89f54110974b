package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index/auth"
)

type personRow struct {
	bun.BaseModel `bun:"table:people"`

	Name       string   `bun:"name,pk"`
	Issuer     string   `bun:"issuer"`
	Subject    string   `bun:"subject"`
	Email      string   `bun:"email"`
	Grants     textList `bun:"grants,type:text"`
	Disabled   bool     `bun:"disabled"`
	CreatedAt  int64    `bun:"created_at"`
	LoggedInAt int64    `bun:"logged_in_at"`
}

func personRowOf(p auth.PersonRecord) personRow {
	return personRow{
		Name: p.Name, Issuer: p.Issuer, Subject: p.Subject, Email: p.Email, Grants: p.Grants,
		Disabled: p.Disabled, CreatedAt: micro(p.CreatedAt), LoggedInAt: micro(p.LoggedInAt),
	}
}

func (r personRow) record() auth.PersonRecord {
	return auth.PersonRecord{
		Name: r.Name, Issuer: r.Issuer, Subject: r.Subject, Email: r.Email, Grants: r.Grants,
		Disabled: r.Disabled, CreatedAt: fromMicro(r.CreatedAt), LoggedInAt: fromMicro(r.LoggedInAt),
	}
}

// Person returns one account by its name.
func (s *Store) Person(ctx context.Context, name string) (auth.PersonRecord, error) {
	var row personRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where("name = ?", name).Scan(ctx); err != nil {
		return auth.PersonRecord{}, wrap(fmt.Sprintf("person %q", name), err)
	}
	return row.record(), nil
}

// PersonOf returns the account of a subject of an OpenID provider.
func (s *Store) PersonOf(ctx context.Context, issuer, subject string) (auth.PersonRecord, error) {
	var row personRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where("issuer = ? AND subject = ?", issuer, subject).Scan(ctx); err != nil {
		return auth.PersonRecord{}, wrap(fmt.Sprintf("person with subject %q of %q", subject, issuer), err)
	}
	return row.record(), nil
}

// AddPerson stores a new account; a name or subject that is there is a conflict.
func (s *Store) AddPerson(ctx context.Context, p auth.PersonRecord) error {
	row := personRowOf(p)
	_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
	return wrap(fmt.Sprintf("person %q", p.Name), err)
}

// UpdatePerson replaces an account that is still as it was; its name, issuer
// and subject stay. One that is not is auth.ErrPersonChanged.
func (s *Store) UpdatePerson(ctx context.Context, was, p auth.PersonRecord) error {
	row, old := personRowOf(p), personRowOf(was)
	n, err := affected(s.writer(ctx).NewUpdate().Model(&row).ExcludeColumn("issuer", "subject", "created_at").WherePK().
		Where("email = ?", old.Email).Where("grants = ?", old.Grants).Where("disabled = ?", old.Disabled).Where("logged_in_at = ?", old.LoggedInAt).Exec(ctx))
	if err == nil && n == 0 {
		if _, err = s.Person(ctx, p.Name); err == nil {
			err = fmt.Errorf("person %q: %w", p.Name, auth.ErrPersonChanged)
		}
		return err
	}
	return wrap(fmt.Sprintf("person %q", p.Name), err)
}

// People are all accounts, by name.
func (s *Store) People(ctx context.Context) ([]auth.PersonRecord, error) {
	var rows []personRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Order("name").Scan(ctx); err != nil {
		return nil, wrap("people", err)
	}
	records := make([]auth.PersonRecord, len(rows))
	for i, row := range rows {
		records[i] = row.record()
	}
	return records, nil
}
