package quota

import "context"

// Used is what a namespace holds.
type Used struct {
	Namespace       string
	Bytes, Versions int64
}

// A Count is what a namespace is said to hold before it is counted anew.
type Count struct {
	Used
	Corrections int64 // how often the sums were corrected before
}

// A Store keeps how much each namespace holds.
type Store interface {
	// Usage is nothing for a namespace that never held any.
	Usage(ctx context.Context, namespace string) (Used, error)
	// AddUsage adds in one step; the result may not pass a maximum that is
	// above zero, which is a conflict, nor fall below zero, where it stays at
	// zero.
	AddUsage(ctx context.Context, namespace string, bytes, versions, maxBytes, maxVersions int64) (Used, error)
	// BeginCount reads the sums of a namespace before it is counted anew.
	BeginCount(ctx context.Context, namespace string) (Count, error)
	// CorrectUsage makes bytes and versions of what before said, and keeps what
	// was added meanwhile. Where another count corrected the sums since then it
	// is a conflict and changes nothing.
	CorrectUsage(ctx context.Context, before Count, bytes, versions int64) error
	// NamespaceNames are all namespaces.
	NamespaceNames(ctx context.Context) ([]string, error)
}

// Held is what is stored for a namespace at one moment.
type Held struct {
	Bytes    int64    // of what it holds, unfinished uploads included
	Versions []string // each by a name of its own
}

// Storage counts what is stored for a namespace.
type Storage func(ctx context.Context, namespace string) (Held, error)
