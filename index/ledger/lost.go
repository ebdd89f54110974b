package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

// Manifests are those of repositories, tagged or not.
type Manifests interface {
	Revisions(ctx context.Context, repo string, fn func(d digest.Digest) error) error
	Manifest(ctx context.Context, repo string, d digest.Digest) (mediaType string, content []byte, err error)
}

// A LostError says that a ledger has no tag, and that the repository holds the
// manifest of one. It is artifact.ErrUnverified: what the ledger says is not known.
type LostError struct {
	Ledger     format.Ref
	Longest    digest.Digest // of the lists that are there
	Statements int           // of it
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the tag %q is gone or empty, and %s holds a ledger of %d statements, %s: "+
		"set the tag to it again, or bring the tag back from a backup or a mirror",
		e.Ledger.Tag(), e.Ledger.Repository(), e.Statements, e.Longest)
}

// Unwrap makes errors.Is(err, artifact.ErrUnverified) hold.
func (e *LostError) Unwrap() error { return artifact.ErrUnverified }

// Holds is how many of a list's first statements are signed by whom this site
// believes, and are of the ledger that is looked for.
type Holds func(ctx context.Context, list *format.List) int

// Lost looks for the ledger of a plugin whose tag is not there, among the
// manifests of its repository: a tag can be lost with the memory of it, and a
// plugin that was stopped would be free. It returns nil where there is none and a
// *LostError where there is one; any other error is that it could not be told.
// Those in skip are known to be none, and not read. Damaged manifests say nothing,
// and neither does what holds no statement by holds: whoever pushes there could
// push a list of his own, and keep the site from stating anything.
func Lost(ctx context.Context, m Manifests, ref format.Ref, skip map[digest.Digest]bool, holds Holds) error {
	var failed error
	lost := longest(ctx, m, ref, func(yield func(digest.Digest) bool) {
		failed = m.Revisions(ctx, ref.Repository(), func(d digest.Digest) error {
			if !skip[d] && !yield(d) {
				return errStop
			}
			return ctx.Err()
		})
	}, holds)
	if failed != nil && !errors.Is(failed, errStop) && !errors.Is(failed, artifact.ErrNotFound) {
		return fmt.Errorf("could not tell whether %s holds a ledger: %w", ref.Repository(), failed)
	}
	return lost
}

// errStop ends a walk over manifests.
var errStop = errors.New("stop")

// longest is the longest list of a ledger among manifests, as Lost says.
func longest(ctx context.Context, m Manifests, ref format.Ref, among iter.Seq[digest.Digest], holds Holds) error {
	lost := LostError{Ledger: ref}
	for d := range among {
		mediaType, raw, err := m.Manifest(ctx, ref.Repository(), d)
		if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
			continue
		}
		if err != nil {
			return fmt.Errorf("could not tell whether %s holds a ledger: %w", ref.Repository(), err)
		}
		list, err := format.ParseList(mediaType, raw) // as any image index is one
		if err != nil || !isLedger(raw) {
			continue
		}
		if n := holds(ctx, list); n > lost.Statements {
			lost.Longest, lost.Statements = d, n
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("could not tell whether %s holds a ledger: %w", ref.Repository(), ctx.Err())
	}
	if lost.Statements > 0 {
		return &lost
	}
	return nil
}

// isLedger reports whether an index says that it is that of a ledger.
func isLedger(raw []byte) bool {
	var is struct {
		Type string `json:"artifactType"`
	}
	return artifact.UnmarshalStrict(raw, &is) == nil && is.Type == format.TypeLedger
}
