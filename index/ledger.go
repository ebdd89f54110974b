package index

import (
	"context"
	"encoding/json"
	"time"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
)

// A Ledger appends signed statements to the ledgers of plugins and publishers.
//
// Errors wrap artifact.ErrInvalid for a statement that says nothing that its
// kind can, artifact.ErrDenied for one that may not be made there,
// artifact.ErrConflict where the ledger is full, artifact.ErrUnverified where
// what is there does not hold. Any other means that it could not be told
// whether it was appended; the same call again, with the same ID, then appends
// it once.
type Ledger interface {
	Append(ctx context.Context, s NewStatement) (LedgerEntry, error)
}

// A NewStatement is what is to be appended.
type NewStatement struct {
	Ledger format.Ref  `json:"ledger"`
	Kind   format.Kind `json:"kind"`
	Actor  string      `json:"actor"`
	// Role is in what right; "" is as an owner, where the ledger says so, else
	// for the platform.
	Role string          `json:"role,omitempty"`
	Body json.RawMessage `json:"body"` // a JSON object
	// Subject is the artifact that it is about; "" is the ledger's owner.
	Subject digest.Digest `json:"subject,omitempty"`
	// ID is unique in the ledger; "" makes one. A statement with an ID that was
	// appended after Since is not appended again.
	ID    string    `json:"id,omitempty"`
	Since time.Time `json:"since"`
}

// A LedgerEntry is a statement in its ledger.
type LedgerEntry struct {
	Head format.Head `json:"head"` // of the ledger as the statement left it
	At   time.Time   `json:"at"`
	// Again says that it had been appended before.
	Again bool `json:"again,omitempty"`
}
