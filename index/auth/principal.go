package auth

import (
	"strings"
)

// A Kind is what sort of caller a Principal is.
type Kind string

// The kinds. A Principal whose kind is none of them may do nothing.
const (
	Anonymous Kind = "anonymous"
	Person    Kind = "person"
	Robot     Kind = "robot"
	Admin     Kind = "admin"   // the bootstrap token and those made like it
	Process   Kind = "process" // a part of this server: the index, the collector
	Host      Kind = "host"    // a host of a tenant, by the credential that is its own
)

// A Role is what a principal is to the site or to one namespace.
type Role string

// The roles. The first three are held on the site, the next four on a
// namespace, two on a tenant; the last five are not given to anybody but follow from the kind.
const (
	RoleAdmin        Role = "admin"
	RoleReviewer     Role = "reviewer"
	RoleOperator     Role = "operator"
	RoleOwner        Role = "owner"
	RoleMaintainer   Role = "maintainer"
	RolePublisher    Role = "publisher"
	RoleReader       Role = "reader"
	RoleTenantAdmin  Role = "tenant-admin"
	RoleTenantViewer Role = "tenant-viewer"
	RoleRobot        Role = "robot"   // the most that a robot token's scope can hold
	RoleProcess      Role = "process" // a part of this server
	RoleHost         Role = "host"    // a host, towards itself and what it is given
	RoleAccount      Role = "account" // anybody who is logged in
	RoleAnyone       Role = "anyone"  // everybody, logged in or not
)

// A Grant is one role on one namespace or one tenant, or on the site when both
// are "".
type Grant struct {
	Role      Role
	Namespace string
	Tenant    string
}

// ParseGrant reads "role" or "role@namespace". Errors wrap artifact.ErrInvalid.
func ParseGrant(s string) (Grant, error) { return permissions.parseGrant(s) }

func (t *table) parseGrant(s string) (Grant, error) {
	role, ns, on := strings.Cut(s, "@")
	g := Grant{Role: Role(role), Namespace: ns}
	if on && ns == "" || !t.gives(g.Role, g.class()) {
		return Grant{}, invalid("role %q: expected %s, or %s with @namespace", s, oneOf(t.held[OnSite]), oneOf(t.held[OnNamespace]))
	}
	return g, nil
}

// class is what the role is held on.
func (g Grant) class() Class {
	if g.Tenant != "" {
		return OnTenant
	}
	if g.Namespace == "" {
		return OnSite
	}
	return OnNamespace
}

// String is the text that ParseGrant reads; a role on a tenant, which no claim of
// a login gives, is "role@tenant".
func (g Grant) String() string {
	if g.Tenant != "" {
		return string(g.Role) + "@" + g.Tenant
	}
	if g.Namespace == "" {
		return string(g.Role)
	}
	return string(g.Role) + "@" + g.Namespace
}

// A Principal is who asks, with everything that decides what they may do. The
// zero Principal is nobody and may do nothing; Nobody returns the anonymous one.
type Principal struct {
	Kind Kind
	// Name is unique at this site and goes into the audit log: "anonymous",
	// "person:ada", "robot:acme/ci", "admin:bootstrap", "process:index", "host:north/editor-1".
	Name string
	// Session is the id of the token or login that speaks, "" for none.
	Session string
	// Grants are the roles that the principal holds.
	Grants []Grant
	// Scopes bound what this credential can do. A robot may do nothing
	// outside them; for others nil means no bound.
	Scopes []Scope
	// Access bounds further, to what a token of the Docker protocol was
	// issued for; nil means no bound.
	Access *Access
	// Tenant and Host say which one a Host is; "" for all others.
	Tenant, Host string
}

// Nobody is the anonymous principal.
func Nobody() Principal { return Principal{Kind: Anonymous, Name: string(Anonymous)} }

// NewProcess is a part of this server, such as "index" or "gc".
func NewProcess(part string) Principal {
	return Principal{Kind: Process, Name: string(Process) + ":" + part}
}

// LoggedIn reports whether p is somebody.
func (p Principal) LoggedIn() bool { return p.Name != "" && p.Kind != Anonymous && p.Kind != "" }

// roles are the roles that p plays towards r, those that follow from its kind included.
func (p Principal) roles(r Resource) []Role { return permissions.rolesOf(p, r) }

func (t *table) rolesOf(p Principal, r Resource) []Role {
	switch p.Kind {
	case Anonymous:
		return []Role{RoleAnyone}
	case Process:
		return []Role{RoleProcess, RoleAnyone}
	case Robot:
		return []Role{RoleRobot, RoleAnyone}
	case Host:
		if p.isGiven(r) {
			return []Role{RoleHost, RoleAnyone}
		}
		return []Role{RoleAnyone}
	case Person, Admin:
	default:
		return nil
	}
	roles := []Role{RoleAccount, RoleAnyone}
	for _, g := range p.Grants {
		if (g.Namespace == "" || g.Namespace == r.Namespace) && (g.Tenant == "" || g.Tenant == r.Tenant) && t.gives(g.Role, g.class()) {
			roles = append(roles, g.Role)
		}
	}
	return roles
}
