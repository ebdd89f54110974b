package auth

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

// TestARoleIsARow_B4: roles that nothing else names do what their rows say, and
// no more; everybody else stays what they were.
func TestARoleIsARow_B4(t *testing.T) {
	t.Parallel()
	rows := append(slices.Clone(roleRows),
		roleRow{"scanner", OnSite, map[Class][]Action{OnRepository: {RepositoryPull}, OnSite: {ReviewRead}}},
		roleRow{"viewer", OnNamespace, map[Class][]Action{OnNamespace: {AuditRead}}})
	wider := newTable(rows, actionRows)
	holder := func(text string) Principal {
		g, err := wider.parseGrant(text)
		if err != nil {
			t.Fatal(err)
		}
		return Principal{Kind: Person, Name: "person:x", Grants: []Grant{g}}
	}
	acme := NamespaceFacts(NamespaceRecord{Name: "acme"})
	hello := acme
	hello.Class, hello.Repository = OnRepository, "acme/hello"
	other := NamespaceFacts(NamespaceRecord{Name: "other"})
	for _, c := range []struct {
		who  string
		a    Action
		r    Resource
		want policy.Outcome
	}{
		{"scanner", RepositoryPull, hello, policy.Allow},
		{"scanner", ReviewRead, Site(), policy.Allow},
		{"scanner", ReviewDecide, Site(), policy.Deny},
		{"scanner", RepositoryPush, hello, policy.Deny},
		{"viewer@acme", AuditRead, acme, policy.Allow},
		{"viewer@acme", AuditRead, other, policy.Deny},
		{"viewer@acme", AuditRead, Site(), policy.Deny},
		{"viewer@acme", MembersRead, acme, policy.Deny},
	} {
		p := holder(c.who)
		if got := wider.decide(p, c.a, c.r); got.Outcome != c.want {
			t.Errorf("%s: %s on %s: %v", c.who, c.a, c.r, got)
		}
		if got := Decide(p, c.a, c.r); got.Outcome != policy.Deny {
			t.Errorf("without its row %s: %s on %s: %v", c.who, c.a, c.r, got)
		}
	}
	for _, text := range []string{"viewer", "scanner@acme"} {
		if _, err := wider.parseGrant(text); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s, which is held elsewhere: %v", text, err)
		}
	}
	for _, on := range things() {
		for _, who := range askers() {
			for _, a := range Actions(on.r.Class) {
				if before, after := Decide(who.p, a, on.r), wider.decide(who.p, a, on.r); before.Outcome != after.Outcome {
					t.Errorf("%s: %s on %s: %v became %v", who.title, a, on.title, before, after)
				}
			}
		}
	}
}

// TestTheRowsAreWhole_B4: each role has one row, each action of a role is an
// action of that class, and nothing is twice in it.
func TestTheRowsAreWhole_B4(t *testing.T) {
	t.Parallel()
	seen := map[Role]bool{}
	for _, row := range roleRows {
		if seen[row.role] {
			t.Errorf("%s has two rows", row.role)
		}
		seen[row.role] = true
		for _, class := range slices.Sorted(maps.Keys(row.may)) {
			for i, a := range row.may[class] {
				if _, ok := permissions.find(a, class); !ok {
					t.Errorf("%s: %s is no action on a %s", row.role, a, class)
				}
				if slices.Contains(row.may[class][:i], a) {
					t.Errorf("%s: %s on a %s is there twice", row.role, a, class)
				}
			}
		}
	}
	for _, row := range actionRows {
		if p, _ := permissions.find(row.action, row.class); len(p.roles) == 0 {
			t.Errorf("nobody may do %s on a %s", row.action, row.class)
		}
	}
}
