package app

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// databaseOf reads the database of a server that has stopped; put writes it back.
func databaseOf(t *testing.T, c config.Config) (put func()) {
	t.Helper()
	path := strings.TrimPrefix(c.DatabaseURL(), "sqlite://")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		for _, old := range must(filepath.Glob(path + "*")) {
			if err := os.Remove(old); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// roles are the members of acme with their roles.
func roles(t *testing.T, s *Server, token string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, m := range ask[index.NamespaceDetail](t, s, token, "GET", "/api/v1/namespaces/acme", nil, http.StatusOK).Members {
		out[m.Principal] = m.Role
	}
	return out
}

// rowsOfAudit counts the rows of one action about acme.
func rowsOfAudit(t *testing.T, s *Server, action auth.Action) int {
	t.Helper()
	rows, err := s.accounts.store.AuditLog(t.Context(), audit.Query{Action: string(action), Resource: auth.InNamespace("acme").String()})
	if err != nil {
		t.Fatal(err)
	}
	return len(rows)
}

// grown is a site that stopped, of whose database put brings an earlier state
// back: the ledger of acme has gone on since, without admin and bob.
func grown(t *testing.T) (c config.Config, admin string, put func()) {
	t.Helper()
	c = configured(t)
	c.Dev = false
	notice := &strings.Builder{}
	s, stop := startWith(t, c, notice)
	admin = tokenText.FindString(notice.String())
	no := http.StatusNoContent
	accountOf(t, s, admin, "ada")
	accountOf(t, s, admin, "bob")
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:ada", map[string]string{"role": "owner"}, no)
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:bob", map[string]string{"role": "maintainer"}, no)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	put = databaseOf(t, c)
	s, stop = start(t, c)
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/acme", map[string]any{"publishing": "off"}, http.StatusOK)
	ask[any](t, s, admin, "DELETE", "/api/v1/namespaces/acme/members/person:bob", nil, no)
	ask[any](t, s, admin, "DELETE", "/api/v1/namespaces/acme/members/admin:bootstrap", nil, no)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	return c, admin, put
}

// TestAnOlderDatabaseTakesOverWhatTheLedgerSays_K6: what a database was restored
// to that is older than the registry is what the signed statements say, and the
// publisher goes on.
func TestAnOlderDatabaseTakesOverWhatTheLedgerSays_K6(t *testing.T) {
	t.Parallel()
	c, admin, put := grown(t)
	put()
	s, _ := start(t, c)
	if err := s.statements.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"person:ada": "owner"}, roles(t, s, admin)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if n := ask[index.NamespaceDetail](t, s, admin, "GET", "/api/v1/namespaces/acme", nil, http.StatusOK); n.Publishing != "off" {
		t.Errorf("publishing is %s", n.Publishing)
	}
	if n := rowsOfAudit(t, s, audit.NamespaceRebuild); n != 1 {
		t.Errorf("%d rows in the audit log say so", n)
	}
	before := len(history(t, s, admin))
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:bob", map[string]string{"role": "reader"}, http.StatusNoContent)
	if got := len(history(t, s, admin)); got != before+1 {
		t.Errorf("%d statements after another change, %d before", got, before)
	}
}

// TestAStatementThatTheLedgerRefusesWedgesNobody_B4: a change of an older database
// that waits, and may not be made any more, is forgotten and written down; the
// ledger counts, whoever changed something last.
func TestAStatementThatTheLedgerRefusesWedgesNobody_B4(t *testing.T) {
	t.Parallel()
	c, admin, put := grown(t)
	put()
	idle, err := Open(t.Context(), c, options(&strings.Builder{}))
	if err != nil {
		t.Fatal(err)
	}
	by := auth.Principal{Kind: auth.Admin, Name: "admin:bootstrap", Grants: []auth.Grant{{Role: auth.RoleAdmin}}}
	// By the ledger she is the last owner.
	if err := idle.accounts.namespaces.RemoveMember(t.Context(), by, "acme", "person:ada"); err != nil {
		t.Fatal(err)
	}
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ := start(t, c)
	// The server drains by itself too, and leaves to one what the other has begun.
	for end := time.Now().Add(time.Minute); ; {
		_ = s.statements.Drain(t.Context()) // it tells the refusal
		n, err := s.statements.Waiting(t.Context())
		if err == nil && n == 0 && rowsOfAudit(t, s, audit.NamespaceRebuild) > 0 {
			break
		}
		if err != nil || time.Now().After(end) {
			t.Fatalf("%d statements wait: %v", n, err)
		}
	}
	if diff := cmp.Diff(map[string]string{"person:ada": "owner"}, roles(t, s, admin)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if refused, rebuilt := rowsOfAudit(t, s, audit.StatementRefuse), rowsOfAudit(t, s, audit.NamespaceRebuild); refused != 1 || rebuilt != 1 {
		t.Errorf("the audit log has %d refusals and %d rebuilds", refused, rebuilt)
	}
	before := len(history(t, s, admin))
	if err := s.accounts.namespaces.SetMember(t.Context(), by, "acme", "person:bob", auth.RoleReader); err != nil {
		t.Fatal(err)
	}
	if err := s.statements.Settle(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	if got := len(history(t, s, admin)); got != before+1 {
		t.Errorf("%d statements after another change, %d before", got, before)
	}
}

// TestAChangeThatTheLedgerRefusesIsAConflict_B4: whoever changes something before
// the older database was compared is told that it did not become true.
func TestAChangeThatTheLedgerRefusesIsAConflict_B4(t *testing.T) {
	t.Parallel()
	c, _, put := grown(t)
	put()
	s, err := Open(t.Context(), c, options(&strings.Builder{}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	by := auth.Principal{Kind: auth.Admin, Name: "admin:bootstrap", Grants: []auth.Grant{{Role: auth.RoleAdmin}}}
	if err := s.accounts.namespaces.RemoveMember(t.Context(), by, "acme", "person:ada"); err != nil {
		t.Fatal(err)
	}
	if err := s.statements.Settle(auth.With(t.Context(), by), "acme"); err == nil || !strings.Contains(err.Error(), "would have no owner") {
		t.Errorf("the call is told %v", err)
	}
	rows, err := s.accounts.store.Members(t.Context(), "acme")
	if err != nil || len(rows) != 1 || rows[0].Principal != "person:ada" {
		t.Errorf("members: %+v, %v", rows, err)
	}
	if err := s.statements.Settle(auth.With(t.Context(), by), "acme"); err != nil {
		t.Errorf("told twice: %v", err)
	}
}

// TestALedgerOlderThanTheDatabaseIsTold_K6: a backup that was made between the
// registry and the database has a change whose statement it does not hold.
func TestALedgerOlderThanTheDatabaseIsTold_K6(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	accountOf(t, s, admin, "ada")
	accountOf(t, s, admin, "bob")
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:bob", map[string]string{"role": "reader"}, http.StatusNoContent)
	if err := s.statements.Drain(t.Context()); err != nil { // nothing is in doubt from here on
		t.Fatal(err)
	}
	// The change is in the database, and its job was done elsewhere.
	by := auth.Principal{Kind: auth.Admin, Name: "admin:bootstrap", Grants: []auth.Grant{{Role: auth.RoleAdmin}}}
	store := s.accounts.store
	err := store.InTx(t.Context(), func(ctx context.Context) error {
		for _, do := range []error{
			s.accounts.namespaces.SetMember(ctx, by, "acme", "person:ada", auth.RoleOwner),
			s.accounts.namespaces.RemoveMember(ctx, by, "acme", "admin:bootstrap"),
			s.accounts.namespaces.RemoveMember(ctx, by, "acme", "person:bob"),
		} {
			if do != nil {
				return do
			}
		}
		for {
			all, err := store.Jobs().Lease(ctx, anyStatement())
			if err != nil || len(all) == 0 {
				return err
			}
			if err := store.Jobs().Done(ctx, all[0]); err != nil {
				return err
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s.statements.Doubt("acme")
	if err := errors.Join(s.statements.Drain(t.Context()), s.index.ingest.Settled(t.Context())); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"person:ada"}, ask[index.Publisher](t, s, admin, "GET", "/api/v1/publishers/acme", nil, http.StatusOK).Owners); diff != "" {
		t.Errorf("owners in the ledger (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"person:ada": "owner"}, roles(t, s, admin)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if n := rowsOfAudit(t, s, audit.NamespaceRestate); n != 1 {
		t.Errorf("%d rows in the audit log say so", n)
	}
}
