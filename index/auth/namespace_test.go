package auth

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

func TestClaim_B4(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.Reserved = []string{"contoso"} })
	_, ada := s.person("ada")
	_, eve := s.person("eve")
	s.claim(ada, "acme-tools")
	robot := Principal{Kind: Robot, Name: "robot:x", Scopes: []Scope{mustScope(t, "repository:*:*")}}
	for name, c := range map[string]struct {
		by   Principal
		ns   string
		want error
	}{
		"a free name":                            {eve, "globex", nil},
		"a name that is taken":                   {eve, "acme-tools", artifact.ErrDenied},
		"a name that looks like one":             {eve, "acmetools", artifact.ErrConflict},
		"a name that looks like one, by its own": {ada, "acme-too1s", artifact.ErrConflict},
		"a reserved name":                        {eve, "admin", artifact.ErrConflict},
		"a name the site reserves":               {eve, "c0ntoso", artifact.ErrConflict},
		"the registry's own name":                {eve, "oarlock", artifact.ErrDenied},
		"a name one letter from the registry's":  {eve, "oarlcok", artifact.ErrConflict},
		"a name that breaks the grammar":         {eve, "Acme", artifact.ErrInvalid},
		"the name of a device":                   {eve, "con", artifact.ErrInvalid},
		"the name of a port":                     {eve, "lpt1", artifact.ErrInvalid},
		"a name that begins like a device's":     {eve, "console", nil},
		"a robot":                                {robot, "initech", artifact.ErrDenied},
		"nobody":                                 {Nobody(), "initech", artifact.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := s.Namespaces.Claim(t.Context(), c.by, c.ns); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestRacingClaims_B4: of two servers over one store that claim names that
// look alike, one wins, and the other learns which name it resembles.
func TestRacingClaims_B4(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other, err := New(s.o)
	if err != nil {
		t.Fatal(err)
	}
	ada := Principal{Kind: Person, Name: "person:ada"}
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, claim := range []func() error{
		func() error { _, err := s.Namespaces.Claim(t.Context(), ada, "acme-tools"); return err },
		func() error { _, err := other.Namespaces.Claim(t.Context(), ada, "acmet00ls"); return err },
	} {
		wg.Go(func() { errs[i] = claim() })
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("got %v and %v, want one winner", errs[0], errs[1])
	}
	lost := errs[0]
	if lost == nil {
		lost = errs[1]
	}
	if !errors.Is(lost, artifact.ErrConflict) {
		t.Errorf("the other got %v", lost)
	}
}

func TestTransferAndMembers_B4(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, ada := s.person("ada")
	_, bob := s.person("bob")
	_, admin := s.admin()
	owner := s.claim(ada, "acme")
	ctx := t.Context()
	for name, err := range map[string]error{
		"a stranger makes himself owner": s.Namespaces.SetMember(ctx, bob, "acme", bob.Name, RoleOwner),
		"a stranger takes it":            s.Namespaces.Transfer(ctx, bob, "acme", bob.Name),
		"a stranger closes it":           second(s.Namespaces.Close(ctx, bob, "acme")),
		"a stranger opens it to all":     second(s.Namespaces.Configure(ctx, bob, "acme", NamespaceSettings{Public: true})),
		"a stranger reads the members":   second(s.Namespaces.Members(ctx, bob, "acme")),
	} {
		if !errors.Is(err, artifact.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Namespaces.RemoveMember(ctx, owner, "acme", ada.Name); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("the last owner leaves: %v", err)
	}
	if err := s.Namespaces.SetMember(ctx, owner, "acme", "robot:acme/ci", RoleOwner); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("a robot becomes owner: %v", err)
	}
	if err := s.Namespaces.Transfer(ctx, owner, "acme", bob.Name); err != nil {
		t.Fatal(err)
	}
	members, err := s.Namespaces.Members(ctx, admin, "acme")
	if err != nil || len(members) != 1 || members[0].Principal != bob.Name || members[0].Role != string(RoleOwner) {
		t.Fatalf("after the transfer: %+v %v", members, err)
	}
	if err := s.Namespaces.Transfer(ctx, admin, "acme", ada.Name); err != nil {
		t.Errorf("an admin gives it back: %v", err)
	}
	if _, err := s.Namespaces.Close(ctx, owner, "acme"); err != nil {
		t.Fatal(err)
	}
	if d, err := s.auth.Decide(ctx, owner, RepositoryPush, InRepository("acme/x")); d.Code != "closed" || err != nil {
		t.Errorf("a push into it: %+v %v", d, err)
	}
	if _, err := s.Namespaces.Claim(ctx, bob, "acme"); err == nil {
		t.Error("a closed name was claimed again")
	}
	for _, action := range []Action{NamespaceClaim, NamespaceTransfer, NamespaceClose} {
		if !s.audited(string(action)) {
			t.Errorf("no audit row for %s", action)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestPublishingSwitches_B6(t *testing.T) {
	t.Parallel()
	off := false
	s := newSite(t, func(o *Options) { o.PublishingOff = func() bool { return off } })
	_, ada := s.person("ada")
	owner := s.claim(ada, "acme")
	publish := func() string {
		d, err := s.auth.Decide(t.Context(), owner, PluginPublish, InRepository("acme/x"))
		if err != nil {
			t.Fatal(err)
		}
		return outcomeText(d.Outcome) + " " + d.Code
	}
	if got := publish(); got != "allowed " {
		t.Errorf("both on: %s", got)
	}
	off = true
	if got := publish(); got != "denied publishing_off" {
		t.Errorf("site off: %s", got)
	}
	off = false
	if _, err := s.Namespaces.Configure(t.Context(), owner, "acme", NamespaceSettings{PublishingOff: true}); err != nil {
		t.Fatal(err)
	}
	if got := publish(); got != "denied publishing_off" {
		t.Errorf("namespace off: %s", got)
	}
}

// TestChangesAreToldInTheirTransaction: what listens can undo a change.
func TestChangesAreToldInTheirTransaction(t *testing.T) {
	t.Parallel()
	var told []NamespaceChange
	var refuse error
	s := newSite(t, func(o *Options) {
		o.Changed = func(_ context.Context, c NamespaceChange) error { told = append(told, c); return refuse }
	})
	_, ada := s.person("ada")
	_, bob := s.person("bob")
	_, eve := s.person("eve")
	owner := s.claim(ada, "acme")
	if err := s.Namespaces.SetMember(t.Context(), owner, "acme", bob.Name, RoleReader); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || told[0].Action != NamespaceClaim || told[1].After.(MemberRecord).Principal != "person:bob" || told[1].By != ada.Name {
		t.Errorf("told %+v", told)
	}
	refuse = errBroken
	if err := s.Namespaces.SetMember(t.Context(), owner, "acme", eve.Name, RoleReader); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if len(s.store.log) != 5 {
		t.Errorf("%d audit rows, want those of three tokens and two changes", len(s.store.log))
	}
}
