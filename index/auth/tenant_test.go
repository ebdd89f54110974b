package auth

import "testing"

// TestWhoMayWhatInATenant_I7: a role in one tenant gives nothing in another, on the
// site, or in a namespace, and a bound credential no more than it names.
func TestWhoMayWhatInATenant_I7(t *testing.T) {
	t.Parallel()
	in := func(role Role, tenant string) Principal {
		return Principal{Kind: Person, Name: "person:x", Grants: []Grant{{Role: role, Tenant: tenant}}}
	}
	bound := func(p Principal, scopes ...string) Principal {
		p.Scopes = []Scope{}
		for _, text := range scopes {
			s, err := ParseScope(text)
			if err != nil {
				t.Fatal(err)
			}
			p.Scopes = append(p.Scopes, s)
		}
		return p
	}
	pulls := in(RoleTenantAdmin, "north")
	pulls.Access = &Access{Scopes: []Scope{{Type: TypeRepository, Name: "acme/hello", Actions: []string{"pull"}}}}
	owner := Principal{Kind: Person, Name: "person:x", Grants: []Grant{{Role: RoleOwner, Namespace: "north"}}}
	robot := Principal{Kind: Robot, Name: "robot:x"}
	site := func(role Role) Principal {
		return Principal{Kind: Person, Name: "person:x", Grants: []Grant{{Role: role}}}
	}
	for _, c := range []struct {
		who          string
		p            Principal
		read, manage bool // of north
		other        bool // may read south
	}{
		{"anyone", Nobody(), false, false, false},
		{"an account", Principal{Kind: Person, Name: "person:x"}, false, false, false},
		{"its admin", in(RoleTenantAdmin, "north"), true, true, false},
		{"its viewer", in(RoleTenantViewer, "north"), true, false, false},
		{"an owner of a namespace of the same name", owner, false, false, false},
		{"an admin of a tenant without a name", in(RoleTenantAdmin, ""), false, false, false},
		{"a site's role given in a tenant", in(RoleAdmin, "north"), false, false, false},
		{"an admin of the site", site(RoleAdmin), true, true, true},
		{"an operator", site(RoleOperator), true, false, true},
		{"a reviewer", site(RoleReviewer), false, false, false},
		{"its admin by a token that only pulls", pulls, false, false, false},
		{"its admin by a token that reads it", bound(in(RoleTenantAdmin, "north"), "tenant:north:read"), true, false, false},
		{"its viewer by a token that manages it", bound(in(RoleTenantViewer, "north"), "tenant:north:manage"), true, false, false},
		{"an admin of the site by a token that names no tenant", bound(site(RoleAdmin), "repository:*:pull"), false, false, false},
		{"a robot that names it", bound(robot, "tenant:north:manage"), true, true, false},
		{"a robot that names all", bound(robot, "tenant:*:read"), true, false, true},
		{"a robot that names the other", bound(robot, "tenant:south:*"), false, false, true},
		{"a part of the server", NewProcess("index"), false, false, false},
	} {
		read, manage := Decide(c.p, TenantRead, InTenant("north")).Allowed(), Decide(c.p, TenantManage, InTenant("north")).Allowed()
		other := Decide(c.p, TenantRead, InTenant("south")).Allowed()
		if read != c.read || manage != c.manage || other != c.other {
			t.Errorf("%s: reads %t, manages %t, reads another %t", c.who, read, manage, other)
		}
	}
	for _, a := range []Action{TenantsManage, TenantsRead, AccountsManage} {
		if Decide(in(RoleTenantAdmin, "north"), a, Site()).Allowed() {
			t.Errorf("a tenant's admin may do %s", a)
		}
	}
	if Decide(in(RoleTenantAdmin, "acme"), RepositoryPull, NamespaceFacts(NamespaceRecord{Name: "acme"})).Allowed() {
		t.Error("a tenant's admin is somebody in the namespace of the same name")
	}
	for text, gives := range map[string]bool{"tenant-admin": false, "tenant-admin@north": false} {
		if _, err := ParseGrant(text); (err == nil) != gives {
			t.Errorf("a claim of a login gives %s: %v", text, err)
		}
	}
}
