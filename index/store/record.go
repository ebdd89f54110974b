package store

import "time"

// The records have no name of their own: a room that declares the same structs
// reads and writes them without knowing this package.
type (
	// TokenRecord is a stored credential. Hash is that of its secret.
	TokenRecord = struct {
		ID        string
		Kind      string
		Name      string
		Principal string
		Namespace string
		Parent    string
		Scopes    []string
		Hash      []byte
		CreatedBy string
		CreatedAt time.Time
		ExpiresAt time.Time
		RevokedAt time.Time
		UsedAt    time.Time
	}
	// PersonRecord is an account. Issuer and Subject are unique together.
	PersonRecord = struct {
		Name       string
		Issuer     string
		Subject    string
		Email      string
		Grants     []string
		Disabled   bool
		CreatedAt  time.Time
		LoggedInAt time.Time
	}
	// NamespaceRecord is a claimed namespace. Revision rises with each change.
	NamespaceRecord = struct {
		Name          string
		Public        bool
		PublishingOff bool
		ClosedAt      time.Time
		CreatedBy     string
		CreatedAt     time.Time
		Revision      int64
	}
	// MemberRecord is one principal's role in one namespace.
	MemberRecord = struct {
		Namespace string
		Principal string
		Role      string
		AddedBy   string
		AddedAt   time.Time
	}
	// AuditRecord is one act. Seq and Hash are given by the store.
	AuditRecord = struct {
		Seq      int64
		At       time.Time
		Actor    string
		Session  string
		Action   string
		Resource string
		Outcome  string
		Reason   string
		Before   string
		After    string
		Request  string
		Hash     []byte
	}
	// UsageRecord is what a namespace holds.
	UsageRecord = struct {
		Namespace string
		Bytes     int64
		Versions  int64
	}
)

// roleOwner is the one role that the store itself knows: a namespace keeps one.
const roleOwner = "owner"

func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicro(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
