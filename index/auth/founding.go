package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A SiteKind is what a database belongs to.
type SiteKind string

// The kinds of site. A database is never both: on one that is for trying out
// anybody on the machine gives accounts, tokens and roles to anybody.
const (
	GuardedSite SiteKind = "site" // asks for logins
	DevSite     SiteKind = "dev"  // is for trying out

	// UnsaidSite is that of keys of which nothing says what they were made for:
	// those of before there was a mark.
	UnsaidSite SiteKind = "unsaid"
)

// SiteRecord says what a database belongs to, and since when.
type SiteRecord struct {
	Kind      SiteKind
	FoundedAt time.Time
}

// Holds is what of accounts is in a database, counted.
type Holds struct {
	Tokens, People, Namespaces, Members int
	// Admins are the tokens of admins that were not made on a server for trying out.
	Admins int
	// Dev is how many rows were made on one.
	Dev int
}

func (h Holds) none() bool { return h.Tokens+h.People+h.Namespaces+h.Members == 0 }

// kind is what a database of before there were records belongs to, "" for nothing.
func (h Holds) kind() SiteKind {
	switch {
	case h.none():
		return ""
	case h.Admins == 0 && h.Dev > 0:
		return DevSite
	}
	return GuardedSite
}

// A Founder keeps what a database belongs to.
type Founder interface {
	// Site wraps artifact.ErrNotFound where nothing is founded.
	Site(ctx context.Context) (SiteRecord, error)
	FoundSite(ctx context.Context, site SiteRecord) error
	// Founding excludes others that found until the end of the transaction.
	Founding(ctx context.Context) error
	Holds(ctx context.Context) (Holds, error)
	// Forsake removes all that gives anybody anything; the audit log stays.
	Forsake(ctx context.Context) error
}

// FoundOptions say what a server wants of its database.
type FoundOptions struct {
	Store Founder
	Audit AuditStore
	Tx    Transactor
	// AnyoneIsAdmin says that the server is one for trying out, where everybody
	// is its admin.
	AnyoneIsAdmin bool
	// Adopt founds a new site over a registry that holds something, or in a
	// database that a server for trying out used, whose rows are removed. It is
	// never one for trying out: with AnyoneIsAdmin it is refused.
	Adopt bool
	// Keys is what the signing keys beside the server belong to, by the mark beside
	// them; "" where there are none. A database may be another than theirs.
	Keys SiteKind
	// Held are the namespaces that the registry holds something of.
	Held func(ctx context.Context) ([]string, error)
	Now  func() time.Time
}

// Founded is what a database belongs to, and how it came to it.
type Founded struct {
	SiteRecord
	// Adopted are the namespaces that are held because the registry has
	// something of them.
	Adopted []string
	// Tainted: the database is of a site of before there were records, and a
	// server for trying out wrote to it too.
	Tainted bool
}

// A FoundingError refuses to serve from a database. It wraps artifact.ErrConflict.
type FoundingError struct {
	// Code is "registry_filled", "dev_database", "site_database", "site_keys",
	// "dev_keys" or "nothing_to_adopt".
	Code string
	// Held are the namespaces of the registry.
	Held []string
}

func (e *FoundingError) Error() string {
	switch e.Code {
	case "registry_filled":
		return fmt.Sprintf("the database holds no site, and the registry holds %s: as those of a new site, all names would be free and all tokens void", listed(e.Held))
	case "dev_database":
		return "the database was used with --dev, where anybody on the machine makes accounts, tokens and roles: they are good there only"
	case "site_database":
		return "the database holds a site that asks for logins, and with --dev anybody on the machine is its admin: what they give would stay"
	case "site_keys":
		return "the keys in the data directory are those of a site that asks for logins, or nothing says that they are not, and with --dev anybody on the machine has things signed with them"
	case "dev_keys":
		return "the keys in the data directory were used with --dev, where anybody on the machine has things signed with them: they are good there only"
	}
	return "there is nothing to adopt: the database holds a site already, or the registry holds nothing"
}

// Unwrap makes errors.Is(err, artifact.ErrConflict) hold.
func (e *FoundingError) Unwrap() error { return artifact.ErrConflict }

// listed names the first few of many.
func listed(names []string) string {
	const few = 3
	text := ""
	for i, name := range names[:min(few, len(names))] {
		if i > 0 {
			text += ", "
		}
		text += name
	}
	if more := len(names) - few; more > 0 {
		text += fmt.Sprintf(" and %d more namespaces", more)
	}
	return text
}

// Found says what the database of a server belongs to, and founds a site where
// nothing is. It looks at rows, not at files: an empty database over a registry
// that holds something was lost, and is refused with a *FoundingError.
func Found(ctx context.Context, o FoundOptions) (Founded, error) {
	var held []string
	known, err := o.Store.Site(ctx)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return Founded{}, err
	}
	// What a server for trying out founded says nothing of a site: over a
	// registry that holds something it is as lost as no database.
	if known.Kind != GuardedSite || o.Adopt {
		if held, err = o.Held(ctx); err != nil {
			return Founded{}, fmt.Errorf("could not tell what the registry holds: %w", err)
		}
	}
	var done Founded
	err = o.Tx.InTx(ctx, func(ctx context.Context) (err error) {
		done, err = o.found(ctx, held)
		return err
	})
	return done, err
}

func (o FoundOptions) found(ctx context.Context, held []string) (Founded, error) {
	if err := o.Store.Founding(ctx); err != nil {
		return Founded{}, err
	}
	known, err := o.Store.Site(ctx)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return Founded{}, err
	}
	have, err := o.Store.Holds(ctx)
	if err != nil {
		return Founded{}, err
	}
	kind := known.Kind
	if kind == "" {
		kind = have.kind()
	}
	to, err := o.decide(kind, have, held)
	if err != nil {
		return Founded{}, err
	}
	done := Founded{SiteRecord: known, Tainted: known.Kind == "" && to == GuardedSite && kind == GuardedSite && have.Dev > 0}
	if to == known.Kind {
		return done, nil
	}
	if kind != "" && kind != to {
		if err := o.Store.Forsake(ctx); err != nil {
			return Founded{}, err
		}
	}
	done.SiteRecord = SiteRecord{Kind: to, FoundedAt: o.Now().UTC()}
	if err := o.Store.FoundSite(ctx, done.SiteRecord); err != nil {
		return Founded{}, err
	}
	if o.Adopt {
		done.Adopted = held
		return done, o.noteAdoption(ctx, held)
	}
	return done, nil
}

// decide says what the database becomes, from what it is: the one table.
func (o FoundOptions) decide(kind SiteKind, have Holds, held []string) (SiteKind, error) {
	switch {
	case o.AnyoneIsAdmin && kind == GuardedSite:
		return "", &FoundingError{Code: "site_database"}
	case o.AnyoneIsAdmin && kind == "" && len(held) > 0:
		// Whoever filled the registry did not say that anybody may read it, and
		// the keys beside it may be those that others trust: not even by Adopt.
		return "", &FoundingError{Code: "registry_filled", Held: held}
	case o.AnyoneIsAdmin && (o.Keys == GuardedSite || kind == "" && o.Keys == UnsaidSite):
		return "", &FoundingError{Code: "site_keys"}
	case o.AnyoneIsAdmin && o.Adopt:
		return "", &FoundingError{Code: "nothing_to_adopt"}
	case o.AnyoneIsAdmin:
		return DevSite, nil
	case kind == GuardedSite && o.Adopt:
		return "", &FoundingError{Code: "nothing_to_adopt"}
	case kind == GuardedSite && o.Keys == DevSite:
		return "", &FoundingError{Code: "dev_keys"}
	case kind == GuardedSite:
		return GuardedSite, nil
	case kind == DevSite && !o.Adopt && !have.none():
		return "", &FoundingError{Code: "dev_database"}
	case len(held) > 0 && !o.Adopt:
		return "", &FoundingError{Code: "registry_filled", Held: held}
	case kind == "" && o.Keys == DevSite && len(held) == 0:
		return "", &FoundingError{Code: "dev_keys"}
	case len(held) == 0 && o.Adopt && kind == "":
		return "", &FoundingError{Code: "nothing_to_adopt"}
	}
	return GuardedSite, nil
}

func (o FoundOptions) noteAdoption(ctx context.Context, held []string) error {
	after, err := auditText(map[string]int{"namespaces": len(held)})
	if err != nil {
		return err
	}
	return o.Audit.AppendAudit(ctx, AuditRecord{At: o.Now().UTC(), Actor: "operator", Action: "site:adopt", Resource: "site", Outcome: "allowed",
		Reason: "a new site over what the registry holds: no name of it is free", After: after})
}

// BelongsToSite is an error where a database is not one of a site that asks for
// logins: what is made in another is good for nothing, or for too much.
func BelongsToSite(ctx context.Context, s Founder) error {
	known, err := s.Site(ctx)
	if errors.Is(err, artifact.ErrNotFound) {
		var have Holds
		if have, err = s.Holds(ctx); err == nil {
			known.Kind = have.kind()
		}
	}
	switch {
	case err != nil:
		return err
	case known.Kind == DevSite:
		return &FoundingError{Code: "dev_database"}
	case known.Kind == "":
		return fmt.Errorf("the database holds no site: %w", artifact.ErrNotFound)
	}
	return nil
}
