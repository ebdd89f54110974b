package auth

import (
	"context"
	"time"
)

// The records are what a Store keeps. Times are UTC; the zero time means never.
type (
	// TokenRecord is a stored credential. Hash is SHA-256 of the secret.
	TokenRecord struct {
		ID        string
		Kind      string // TokenKind
		Name      string // label, unique for nothing
		Principal string // whom it speaks for
		Namespace string // of a robot; "" for one of the whole site
		Parent    string // token or login whose end ends this one too
		Scopes    []string
		Hash      []byte
		CreatedBy string
		CreatedAt time.Time
		ExpiresAt time.Time
		RevokedAt time.Time
		UsedAt    time.Time
	}
	// PersonRecord is an account. Issuer and Subject are unique together.
	PersonRecord struct {
		Name       string // "person:ada"
		Issuer     string
		Subject    string
		Email      string
		Grants     []string // what the claims of the last login gave, as ParseGrant reads it
		Disabled   bool
		CreatedAt  time.Time
		LoggedInAt time.Time
	}
	// NamespaceRecord is a claimed namespace. Revision rises with each change.
	NamespaceRecord struct {
		Name          string
		Public        bool
		PublishingOff bool
		ClosedAt      time.Time
		CreatedBy     string
		CreatedAt     time.Time
		Revision      int64
	}
	// NamespaceRows are all that is kept of one namespace: its members are by
	// principal.
	NamespaceRows struct {
		Namespace NamespaceRecord
		Members   []MemberRecord
	}
	// MemberRecord is one principal's role in one namespace.
	MemberRecord struct {
		Namespace string
		Principal string
		Role      string
		AddedBy   string
		AddedAt   time.Time
	}
	// AuditRecord is one act. Seq and Hash are the store's.
	AuditRecord struct {
		Seq      int64
		At       time.Time
		Actor    string
		Session  string
		Action   string
		Resource string
		Outcome  string
		Reason   string
		Before   string // JSON, or ""
		After    string // JSON, or ""
		Request  string // request id
		Hash     []byte
	}
)

// TokenStore keeps credentials. Methods return artifact.ErrNotFound and
// artifact.ErrConflict; any other error means that it could not tell.
type TokenStore interface {
	// AddToken stores a new one; an ID that is there is a conflict.
	AddToken(ctx context.Context, t TokenRecord) error
	Token(ctx context.Context, id string) (TokenRecord, error)
	// ListTokens returns those of a namespace, or those of a principal, or
	// both; "" does not filter. Newest first.
	ListTokens(ctx context.Context, namespace, principal string) ([]TokenRecord, error)
	// RevokeToken ends one; one that has ended already is a conflict, so that
	// of two who use a code only one wins.
	RevokeToken(ctx context.Context, id string, at time.Time) error
	TouchToken(ctx context.Context, id string, at time.Time) error
}

// PersonStore keeps accounts.
type PersonStore interface {
	Person(ctx context.Context, name string) (PersonRecord, error)
	PersonOf(ctx context.Context, issuer, subject string) (PersonRecord, error)
	// AddPerson stores a new account; a name or subject that is there is a conflict.
	AddPerson(ctx context.Context, p PersonRecord) error
	// UpdatePerson replaces an account that still is as it was read; one that is
	// not is ErrPersonChanged, and nothing is changed.
	UpdatePerson(ctx context.Context, was, p PersonRecord) error
	// People are all accounts, by name.
	People(ctx context.Context) ([]PersonRecord, error)
}

// NamespaceReader reads what a decision needs of namespaces.
type NamespaceReader interface {
	Namespace(ctx context.Context, name string) (NamespaceRecord, error)
	// NamespacesPublic are all of them; true where everybody may pull. The map
	// is the caller's.
	NamespacesPublic(ctx context.Context) (map[string]bool, error)
}

// NamespaceStore keeps namespaces.
type NamespaceStore interface {
	// AddNamespace stores a new one with its first owner, all or nothing. A
	// name or one of the keys that is there is a conflict: keys are equal for
	// names that look alike.
	AddNamespace(ctx context.Context, n NamespaceRecord, owner string, keys []string) error
	Namespace(ctx context.Context, name string) (NamespaceRecord, error)
	// NamespaceNames are all of them, closed ones included, in order.
	NamespaceNames(ctx context.Context) ([]string, error)
	// NamespacesClaimedBy is how many a principal claimed, also those that it
	// closed or gave away. In a transaction no other claim by the same principal
	// happens until its end.
	NamespacesClaimedBy(ctx context.Context, principal string) (int, error)
	// UpdateNamespace replaces the one whose Revision is n.Revision and raises
	// it; another revision is a conflict.
	UpdateNamespace(ctx context.Context, n NamespaceRecord) error
}

// MemberStore keeps who is what in a namespace.
type MemberStore interface {
	// LockNamespace has nobody else change a namespace or its members until the
	// transaction of ctx ends: what is read after it is what is changed.
	LockNamespace(ctx context.Context, namespace string) error
	Members(ctx context.Context, namespace string) ([]MemberRecord, error)
	MembershipsOf(ctx context.Context, principal string) ([]MemberRecord, error)
	// PutMember sets one; to take the role from the last owner is a conflict.
	PutMember(ctx context.Context, m MemberRecord) error
	// RemoveMember removes one; the last owner cannot go, which is a conflict.
	RemoveMember(ctx context.Context, namespace, principal string) error
}

// A TenantRole is what a principal is in one tenant.
type TenantRole struct{ Tenant, Role string }

// TenantRoleStore knows who is what in which tenant.
type TenantRoleStore interface {
	// TenantRolesOf are the roles of a principal, by tenant.
	TenantRolesOf(ctx context.Context, principal string) ([]TenantRole, error)
}

// AuditStore keeps what was done. Append only.
type AuditStore interface {
	AppendAudit(ctx context.Context, a AuditRecord) error
}

// A Transactor runs do in one transaction: calls to the same store with the
// context that do is given belong to it. An error undoes them all.
type Transactor interface {
	InTx(ctx context.Context, do func(ctx context.Context) error) error
}

// Stores are where the room keeps what it keeps. All may be one database, and
// have to be where Tx is to undo what several of them did. Each is needed, but
// for TokenBounds, which only a bound needs, and TenantRoles and Hosts: without the
// former nobody has a role in a tenant, and without the latter no host a credential.
type Stores struct {
	Tokens      TokenStore
	TokenBounds TokenBoundStore
	People      PersonStore
	Namespaces  NamespaceStore
	Reader      NamespaceReader
	Members     MemberStore
	Audit       AuditStore
	Tx          Transactor
	TenantRoles TenantRoleStore
	Hosts       HostStore
}

// OneDatabase is Stores of which s is each but TokenBounds, TenantRoles and Hosts.
func OneDatabase(s interface {
	TokenStore
	PersonStore
	NamespaceStore
	NamespaceReader
	MemberStore
	AuditStore
	Transactor
}) Stores {
	return Stores{Tokens: s, People: s, Namespaces: s, Reader: s, Members: s, Audit: s, Tx: s}
}

func (s Stores) missing() []string {
	var names []string
	for _, store := range []struct {
		name string
		is   bool
	}{
		{"Tokens", s.Tokens != nil}, {"People", s.People != nil}, {"Namespaces", s.Namespaces != nil}, {"Reader", s.Reader != nil},
		{"Members", s.Members != nil}, {"Audit", s.Audit != nil}, {"Tx", s.Tx != nil},
	} {
		if !store.is {
			names = append(names, store.name)
		}
	}
	return names
}
