package audit

import (
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A Head is the last row of the log at some time. Kept elsewhere, it proves
// later that nothing before it was changed or cut off.
type Head struct {
	Seq  int64  `json:"seq"`
	Hash []byte `json:"hash"`
}

func (h Head) String() string { return fmt.Sprintf("%d:%x", h.Seq, h.Hash) }

// A Query narrows down the log. Zero fields do not.
type Query struct {
	Actor, Action, Resource, Outcome string
	// Namespace is that of what it was done to: itself, or a repository in it.
	Namespace    string
	Since, Until time.Time // Until is not included
	// Before continues a listing: rows with a smaller Seq only.
	Before int64
	// Oldest gives the oldest rows first, those with a larger Seq than After.
	Oldest bool
	After  int64
	// Limit is how many rows at most, 100 by default and at most 1000.
	Limit int64
}

// A TamperedError says where the log is not what was written. It wraps
// artifact.ErrUnverified.
type TamperedError struct {
	// Seq is the first row that does not hold.
	Seq    int64
	Detail string
}

func (e *TamperedError) Error() string { return fmt.Sprintf("audit row %d: %s", e.Seq, e.Detail) }

// Unwrap makes errors.Is(err, artifact.ErrUnverified) hold.
func (e *TamperedError) Unwrap() error { return artifact.ErrUnverified }
