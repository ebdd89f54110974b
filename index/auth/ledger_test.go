package auth

import "testing"

func TestLedgersOfPublishersAreCopiedByAdminsAndRobots_B4(t *testing.T) {
	t.Parallel()
	scope := func(s string) []Scope {
		t.Helper()
		scopes, err := ParseScopes(s)
		if err != nil {
			t.Fatal(err)
		}
		return scopes
	}
	admin := Principal{Kind: Admin, Name: "admin:root", Grants: []Grant{{Role: RoleAdmin}}}
	narrow := admin
	narrow.Access = &Access{}
	for says, row := range map[string]struct {
		p    Principal
		a    Action
		repo string
		want bool
	}{
		"an admin pushes":                      {admin, RepositoryPush, "oarlock/publishers", true},
		"a token that was issued for less":     {narrow, RepositoryPush, "oarlock/publishers", false},
		"a robot whose scope names it":         {Principal{Kind: Robot, Name: "robot:mirror", Scopes: scope("repository:oarlock/publishers:push")}, RepositoryPush, "oarlock/publishers", true},
		"a robot whose scope names another":    {Principal{Kind: Robot, Name: "robot:mirror", Scopes: scope("repository:acme/hello:push")}, RepositoryPush, "oarlock/publishers", false},
		"an owner of a namespace":              {Principal{Kind: Person, Name: "person:ada", Grants: []Grant{{Role: RoleOwner, Namespace: "acme"}}}, RepositoryPush, "oarlock/publishers", false},
		"nobody in particular":                 {Nobody(), RepositoryPush, "oarlock/publishers", false},
		"an admin elsewhere in the registry's": {admin, RepositoryPush, "oarlock/catalog", false},
		"an admin deletes":                     {admin, RepositoryDelete, "oarlock/publishers", false},
		"the process itself":                   {NewProcess("index"), RepositoryPush, "oarlock/publishers", true},
	} {
		r := InRepository(row.repo)
		r.Claimed, r.Closed, r.Public, r.Publishing = Yes, No, Yes, Yes
		if got := Decide(row.p, row.a, r); got.Allowed() != row.want {
			t.Errorf("%s: %v %q, want allowed %v", says, got.Outcome, got.Reason, row.want)
		}
	}
}
