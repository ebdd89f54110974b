package publisher

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/index/store"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func opened(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite://"+t.TempDir()+"/site.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// stated are the statements that were asked for since the last call, the oldest
// first.
func stated(t *testing.T, s *store.Store) (out []index.NewStatement) {
	t.Helper()
	for {
		attempts, err := s.Jobs().Lease(t.Context(), jobs.Ask{Kind: statements.JobKind, InOrder: true, Limit: 1, Now: noon, Until: noon.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if len(attempts) == 0 {
			return out
		}
		var one index.NewStatement
		if err := json.Unmarshal(attempts[0].Payload, &one); err != nil {
			t.Fatal(err)
		}
		if attempts[0].Key != one.Ledger.String() {
			t.Errorf("key %q of a statement for %s", attempts[0].Key, one.Ledger)
		}
		out = append(out, one)
		if err := s.Jobs().Done(t.Context(), attempts[0]); err != nil {
			t.Fatal(err)
		}
	}
}

// Proves B4: each change of a namespace is a statement of its own, and one that
// is undone leaves none.
func TestEveryChangeIsAStatement_B4(t *testing.T) {
	t.Parallel()
	s := opened(t)
	ctx := t.Context()
	if err := s.AddNamespace(ctx, auth.NamespaceRecord{Name: "acme", Public: true, CreatedBy: "person:ada", CreatedAt: noon}, "person:ada", []string{"acme"}); err != nil {
		t.Fatal(err)
	}
	member := func(who string, role auth.Role) auth.MemberRecord {
		return auth.MemberRecord{Namespace: "acme", Principal: who, Role: string(role)}
	}
	changes := Changes{Store: s, Queue: s.Jobs()}
	for _, row := range []struct {
		change auth.NamespaceChange
		kind   format.Kind
		body   string
	}{
		{auth.NamespaceChange{Action: auth.NamespaceClaim, After: auth.NamespaceRecord{}}, format.PublisherClaimed, `{"owner":"person:ada","private":true}`},
		{auth.NamespaceChange{Action: auth.NamespaceManage, After: auth.NamespaceRecord{Public: true, PublishingOff: true}}, format.PublisherConfigured, `{"private":false,"publishing_off":true}`},
		{auth.NamespaceChange{Action: auth.MembersManage, After: member("person:bob", auth.RoleReader)}, format.MemberSet, `{"principal":"person:bob","role":"reader"}`},
		{auth.NamespaceChange{Action: auth.MembersManage, Before: member("person:bob", auth.RoleReader)}, format.MemberRemoved, `{"principal":"person:bob"}`},
		{auth.NamespaceChange{Action: auth.NamespaceTransfer, Before: []auth.MemberRecord{member("person:eve", auth.RoleOwner), member("person:ada", auth.RoleOwner)}, After: member("person:ada", auth.RoleOwner)},
			format.PublisherTransferred, `{"to":"person:ada","from":["person:eve"]}`},
		{auth.NamespaceChange{Action: auth.NamespaceClose}, format.PublisherClosed, `{}`},
	} {
		row.change.Namespace, row.change.By, row.change.At = "acme", "person:ada", noon
		if err := changes.Changed(ctx, row.change); err != nil {
			t.Fatal(err)
		}
		all := stated(t, s)
		if len(all) != 1 {
			t.Fatalf("%s: %d statements", row.kind, len(all))
		}
		got := all[0]
		if got.Kind != row.kind || got.Actor != "person:ada" || got.Ledger.Publisher() != "acme" || got.ID == "" || !got.Since.Equal(noon) {
			t.Errorf("%s: %+v", row.kind, got)
		}
		if diff := cmp.Diff(row.body, string(got.Body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.kind, diff)
		}
	}
	if err := changes.Changed(ctx, auth.NamespaceChange{Action: auth.KeysManage, Namespace: "acme"}); err == nil {
		t.Error("a change that nothing is known of was stated")
	}
	errUndone := errors.New("undone")
	err := s.InTx(ctx, func(ctx context.Context) error {
		if err := changes.Changed(ctx, auth.NamespaceChange{Action: auth.NamespaceClose, Namespace: "acme", At: noon}); err != nil {
			return err
		}
		return errUndone
	})
	if !errors.Is(err, errUndone) || len(stated(t, s)) != 0 {
		t.Errorf("%v: a change that was undone is stated", err)
	}
}
