package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
)

// finish ends an append that was cut when the first list of a ledger was stored and
// its tag was not. Such a ledger is as one that lost its tag, and nothing would ever
// be appended to it. Whoever asks for its one statement again, by its id or in the same
// words, is who began it; and one of which nobody was told was begun and never there. A
// ledger that lost more than its tag is not taken for one.
func (a *Appender) finish(ctx context.Context, s index.NewStatement, r policy.Reader) (index.LedgerEntry, bool, error) {
	none := index.LedgerEntry{}
	one, raw, err := a.begun(ctx, s.Ledger, r)
	if one == nil || err != nil {
		return none, false, err
	}
	again := !s.Since.IsZero() && one.ID == s.ID
	if !again && !a.untold(ctx, s.Ledger, one) {
		return none, false, nil
	}
	if err := a.o.Store.PushManifest(ctx, s.Ledger.Repository(), s.Ledger.Tag(), ocispec.MediaTypeImageIndex, raw); err != nil {
		return none, false, fmt.Errorf("ledger %s: %w", s.Ledger, err)
	}
	if !again && !sameWords(s, one) {
		return none, false, nil // what is asked for now goes on from it
	}
	return index.LedgerEntry{Head: format.Head{Sequence: one.Sequence, Digest: one.Digest}, At: one.Time, Again: true}, true, nil
}

// Finish ends an append to a ledger that was cut before its tag, where nobody was told
// of what it says, and reports whether it did.
func (a *Appender) Finish(ctx context.Context, ref format.Ref) (bool, error) {
	release, err := a.locks.acquire(ctx, ref)
	if err != nil {
		return false, fmt.Errorf("ledger %s: others append to it: %w", ref, err)
	}
	defer release()
	one, raw, err := a.begun(ctx, ref, a.o.Store.Reader(ref.Repository()))
	if one == nil || err != nil || !a.untold(ctx, ref, one) {
		return false, err
	}
	if err := a.o.Store.PushManifest(ctx, ref.Repository(), ref.Tag(), ocispec.MediaTypeImageIndex, raw); err != nil {
		return false, fmt.Errorf("ledger %s: %w", ref, err)
	}
	return true, nil
}

// begun is the one statement of a ledger that has no tag, and its list; nil where it is
// not so.
func (a *Appender) begun(ctx context.Context, ref format.Ref, r policy.Reader) (*ledger.Entry, []byte, error) {
	if !a.o.Remembered(ref).IsZero() {
		return nil, nil, nil
	}
	_, err := r.Tag(ctx, ref.Tag())
	lost, is := errors.AsType[*LostError](err)
	if !is || lost.Statements != 1 {
		return nil, nil, nil
	}
	mediaType, raw, err := r.Manifest(ctx, lost.Longest)
	if err != nil {
		return nil, nil, fmt.Errorf("ledger %s: could not tell whether it was cut: %w", ref, err)
	}
	list, err := format.ParseList(mediaType, raw)
	if err != nil || len(list.Statements) != 1 {
		return nil, nil, err
	}
	found, err := ledger.Statements(ctx, list, r, 1, 1)
	if err != nil || len(found) != 1 {
		return nil, nil, err
	}
	return &found[0], raw, nil
}

// untold reports whether nobody was told of the first statement of a ledger. Where that
// cannot be told, somebody was.
func (a *Appender) untold(ctx context.Context, ref format.Ref, one *ledger.Entry) bool {
	told, err := a.o.Told(ctx, ref, string(one.Kind), format.Head{Sequence: one.Sequence, Digest: one.Digest})
	return err == nil && !told
}

// sameWords reports whether a statement says what another says, of the same person.
func sameWords(s index.NewStatement, one *ledger.Entry) bool {
	var is, was any
	return s.Kind == one.Kind && s.Actor == one.Actor && s.Subject == one.Subject &&
		json.Unmarshal(s.Body, &is) == nil && json.Unmarshal(one.Body, &was) == nil && reflect.DeepEqual(is, was)
}
