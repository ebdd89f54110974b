package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// gone is a repository of which the list cannot be read, or is something else.
type gone struct {
	policy.Reader
	raw string
	err error
}

func (g gone) Manifest(context.Context, digest.Digest) (string, []byte, error) {
	return ocispec.MediaTypeImageIndex, []byte(g.raw), g.err
}

// Proves E1: that a ledger cannot be read is nobody's bad request, and not that there is
// none: it could not be told.
func TestALedgerThatCannotBeReadIsOfNoKind_E1(t *testing.T) {
	t.Parallel()
	for what, g := range map[string]gone{
		"is not there":   {err: fmt.Errorf("manifest: %w", artifact.ErrNotFound)},
		"is damaged":     {err: fmt.Errorf("manifest: %w", artifact.ErrUnverified)},
		"is no list":     {raw: `{"schemaVersion":2}`},
		"is no JSON":     {raw: "\x00"},
		"disk is broken": {err: errors.New("input/output error")},
	} {
		_, err := statements.Page(t.Context(), g, digest.FromString("list"), 3, 0, 10)
		if _, is := errors.AsType[*statements.UnreadError](err); !is {
			t.Errorf("%s: %v", what, err)
		}
		for _, kind := range []error{artifact.ErrNotFound, artifact.ErrInvalid, artifact.ErrDenied, artifact.ErrUnverified} {
			if errors.Is(err, kind) {
				t.Errorf("%s: %v is of the kind %v", what, err, kind)
			}
		}
	}
}
