package auth

import (
	"errors"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// TestAccountsWithoutProvider_B5: an admin makes accounts, hands out tokens,
// gives and takes site roles, and ends accounts.
func TestAccountsWithoutProvider_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	_, admin := s.admin()
	hour := s.clock.Now().Add(time.Hour)
	grace, err := s.Accounts.Add(ctx, admin, "grace", []Role{RoleReviewer})
	if err != nil {
		t.Fatal(err)
	}
	token, rec, err := s.Accounts.CreateToken(ctx, admin, grace.Name, "first", hour)
	if err != nil || rec.CreatedBy != admin.Name || rec.Principal != "person:grace" {
		t.Fatalf("%+v %v", rec, err)
	}
	p := s.principal(token)
	if !Decide(p, ReviewDecide, Site()).Allowed() || Decide(p, AccountsManage, Site()).Allowed() {
		t.Errorf("a reviewer: %+v", p)
	}
	if err := s.Accounts.SetRoles(ctx, admin, grace.Name, []Role{RoleOperator}); err != nil {
		t.Fatal(err)
	}
	if p := s.principal(token); Decide(p, ReviewDecide, Site()).Allowed() || !Decide(p, RegistryGC, Site()).Allowed() {
		t.Errorf("an operator: %+v", p)
	}
	_, ada := s.person("ada") // through a provider
	second := func(_ any, err error) error { return err }
	_, _, tokenForAda := s.Accounts.CreateToken(ctx, admin, ada.Name, "x", hour)
	_, _, byGrace := s.Accounts.CreateToken(ctx, p, grace.Name, "x", hour)
	for name, c := range map[string]struct{ err, want error }{
		"the same name again":                    {second(s.Accounts.Add(ctx, admin, "grace", nil)), artifact.ErrConflict},
		"the name of somebody from the provider": {second(s.Accounts.Add(ctx, admin, "ada", nil)), artifact.ErrConflict},
		"a name that is none":                    {second(s.Accounts.Add(ctx, admin, "Grace:x", nil)), artifact.ErrInvalid},
		"a role of a namespace":                  {second(s.Accounts.Add(ctx, admin, "x", []Role{RoleOwner})), artifact.ErrInvalid},
		"an account made by an operator":         {second(s.Accounts.Add(ctx, p, "x", []Role{RoleAdmin})), artifact.ErrDenied},
		"a token made by an operator":            {byGrace, artifact.ErrDenied},
		"roles set by an operator":               {s.Accounts.SetRoles(ctx, p, grace.Name, []Role{RoleAdmin}), artifact.ErrDenied},
		"accounts listed by an operator":         {second(s.Accounts.List(ctx, p)), artifact.ErrDenied},
		"roles of one from the provider":         {s.Accounts.SetRoles(ctx, admin, ada.Name, []Role{RoleAdmin}), artifact.ErrInvalid},
		"a token of one from the provider":       {tokenForAda, artifact.ErrDenied},
		"roles of nobody":                        {s.Accounts.SetRoles(ctx, admin, "person:x", nil), artifact.ErrNotFound},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.err, c.want)
		}
	}
	if all, err := s.Accounts.List(ctx, admin); err != nil || len(all) != 2 || all[1].Name != grace.Name {
		t.Errorf("%+v %v", all, err)
	}
	if err := s.Accounts.Disable(ctx, admin, grace.Name, true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.auth.Authenticate(ctx, token.Reveal(), PersonalToken); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("disabled: %v", err)
	}
	if err := s.Accounts.Disable(ctx, admin, grace.Name, false); err != nil {
		t.Fatal(err)
	}
	s.principal(token)
}
