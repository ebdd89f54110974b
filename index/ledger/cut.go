package ledger

import (
	"context"
	"errors"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// finish ends an append that was cut when the first list of a ledger was stored and
// its tag was not. Such a ledger is as one that lost its tag, and nothing would ever
// be appended to it. Whoever asks for its one statement again, by its id, is who began
// it: a ledger that lost more than its tag is not taken for one.
func (a *Appender) finish(ctx context.Context, s index.NewStatement, r policy.Reader) (index.LedgerEntry, bool, error) {
	none := index.LedgerEntry{}
	if s.Since.IsZero() || !a.o.Remembered(s.Ledger).IsZero() {
		return none, false, nil
	}
	_, err := r.Tag(ctx, s.Ledger.Tag())
	lost, is := errors.AsType[*LostError](err)
	if !is || lost.Statements != 1 {
		return none, false, nil
	}
	mediaType, raw, err := r.Manifest(ctx, lost.Longest)
	if err != nil {
		return none, false, fmt.Errorf("ledger %s: could not tell whether it was cut: %w", s.Ledger, err)
	}
	list, err := format.ParseList(mediaType, raw)
	if err != nil || len(list.Statements) != 1 {
		return none, false, err
	}
	found, err := ledger.Statements(ctx, list, r, 1, 1)
	if err != nil || len(found) != 1 || found[0].ID != s.ID {
		return none, false, err
	}
	if err := a.o.Store.PushManifest(ctx, s.Ledger.Repository(), s.Ledger.Tag(), ocispec.MediaTypeImageIndex, raw); err != nil {
		return none, false, fmt.Errorf("ledger %s: %w", s.Ledger, err)
	}
	one := found[0]
	return index.LedgerEntry{Head: format.Head{Sequence: one.Sequence, Digest: one.Digest}, At: one.Time, Again: true}, true, nil
}
