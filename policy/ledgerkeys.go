package policy

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// LedgerKeys are what a publisher's own ledger says of its keys. They must not
// be changed.
type LedgerKeys struct {
	// Publisher is whose ledger it is, and Ledger its name, such as
	// "oarlock/publishers:acme".
	Publisher string
	Ledger    string
	Keys      []LedgerKey
	// Problem is nil where the ledger holds. Otherwise it could not be told
	// which keys it establishes besides Keys; the Outcome is Unknown.
	Problem *Finding
}

// A LedgerKey is one key that a ledger establishes, revoked or not.
type LedgerKey struct {
	Ledger string        `json:"ledger"` // that says so
	Name   string        `json:"name"`
	ID     digest.Digest `json:"id"` // digest of its PKIX form
	PEM    string        `json:"-"`
	// NotBefore is from when what it signed counts; zero is always.
	NotBefore time.Time `json:"not_before,omitzero"`
	AddedAt   time.Time `json:"added_at"`
	// RevokedFrom is from when what it signed counts no more; zero for a key
	// that is not revoked.
	RevokedFrom time.Time `json:"revoked_from,omitzero"`
}
