package auth

import (
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// K6: a login and a change of roles that run while an account is disabled leave
// it disabled.
func TestNothingUndoesADisabling_K6(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(s *site, admin Principal) error{
		"login": func(s *site, _ Principal) error {
			_, err := s.Accounts.admit(s.t.Context(), identity{issuer: LocalIssuer, subject: "bob", username: "bob"})
			return err
		},
		"roles": func(s *site, admin Principal) error {
			return s.Accounts.SetRoles(s.t.Context(), admin, "person:bob", []Role{RoleReviewer})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			_, admin := s.admin()
			bob := PersonRecord{Name: "person:bob", Issuer: LocalIssuer, Subject: "bob"}
			if err := s.store.AddPerson(t.Context(), bob); err != nil {
				t.Fatal(err)
			}
			s.store.beforeUpdate = func() {
				s.store.beforeUpdate = nil
				disabled := bob
				disabled.Disabled = true
				if err := s.store.UpdatePerson(t.Context(), bob, disabled); err != nil {
					t.Error(err)
				}
			}
			err := act(s, admin)
			if name == "login" && !errors.Is(err, artifact.ErrDenied) {
				t.Errorf("a login beside it: %v", err)
			}
			if name == "roles" && err != nil {
				t.Error(err)
			}
			if p, err := s.store.Person(t.Context(), "person:bob"); err != nil || !p.Disabled {
				t.Errorf("afterwards: %+v, %v", p, err)
			}
		})
	}
}
