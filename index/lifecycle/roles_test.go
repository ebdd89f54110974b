package lifecycle

import (
	"context"
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// unentitled may do nothing.
type unentitled struct{}

func (unentitled) Can(context.Context, auth.Action, auth.Resource) (bool, error) { return false, nil }

// told answers who has what.
type told struct {
	asks, has bool
	err       error
}

func (told) Holders(context.Context, artifact.Name, string, string, int) ([]Holder, error) {
	return nil, nil
}

func (h told) HasPlugin(_ context.Context, principal string, _ artifact.Name) (asks, has bool, err error) {
	if principal != "person:ada" {
		return false, false, errors.New("asked for " + principal)
	}
	return h.asks, h.has, h.err
}

// Proves B11: who has a plugin is asked by the name of who asks, and where that
// cannot be told, or nobody can be asked, the role is the one that is shown least.
func TestARoleComesFromTheRecordsOfTenants_B11(t *testing.T) {
	t.Parallel()
	id, err := artifact.ParseName("acme/lint")
	if err != nil {
		t.Fatal(err)
	}
	unknown := errors.New("the database is away")
	ada := auth.Principal{Kind: auth.Person, Name: "person:ada"}
	for title, c := range map[string]struct {
		who     auth.Principal
		holders Holders
		want    table.Role
		fails   bool
	}{
		"a member of a tenant that has it":       {ada, told{asks: true, has: true}, table.Holder, false},
		"a member of a tenant that has it not":   {ada, told{asks: true}, table.Tenant, false},
		"a member of none":                       {ada, told{}, table.Anonymous, false},
		"a member of who knows what":             {ada, told{asks: true, has: true, err: unknown}, table.Anonymous, true},
		"where nobody can be asked":              {ada, nil, table.Anonymous, true},
		"nobody in particular, who is not asked": {auth.Nobody(), told{err: unknown}, table.Anonymous, false},
	} {
		role, err := Roles{Rights: unentitled{}, Holders: c.holders}.Of(auth.With(t.Context(), c.who), id)
		if role != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %s, %v", title, role, err)
		}
	}
}
