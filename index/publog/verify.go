package publog

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
)

// A Fetch gets what lies under a path of a log, such as "checkpoint".
type Fetch func(ctx context.Context, path string) ([]byte, error)

// A Verification is what was found out about a whole log.
type Verification struct {
	Checkpoint Checkpoint
	Signed     string // the checkpoint, to be remembered
	Leaves     []tlog.Hash
	Cosigned   []Cosignature // by the witnesses that were asked for
}

// Verify reads a whole log: that its key signed the checkpoint, that its tree is
// that of the entries and of every tile, and that it extends the checkpoint that
// was seen before; "" is none. Errors wrap artifact.ErrUnverified where the log
// does not hold; any other says that it could not be told.
func Verify(ctx context.Context, fetch Fetch, by note.Verifier, seen string) (Verification, error) {
	return VerifyWitnessed(ctx, fetch, by, Quorum{}, seen)
}

// VerifyWitnessed is Verify for a log whose checkpoint has to be cosigned too, and
// that extends each of those that were seen. Errors wrap ErrNotCosigned where it is
// not cosigned.
func VerifyWitnessed(ctx context.Context, fetch Fetch, by note.Verifier, q Quorum, seen ...string) (Verification, error) {
	raw, err := fetch(ctx, "checkpoint")
	if err != nil {
		return Verification{}, err
	}
	v := Verification{Signed: string(raw)}
	if v.Checkpoint, err = OpenCheckpoint(v.Signed, by); err != nil {
		return v, err
	}
	if v.Cosigned, err = q.Check(v.Signed, by); err != nil {
		return v, err
	}
	r := &grown{}
	if err := v.read(ctx, fetch, r); err != nil {
		return v, err
	}
	root, err := tlog.TreeHash(v.Checkpoint.N, r)
	if err != nil {
		return v, err
	}
	if root != v.Checkpoint.Hash {
		return v, fmt.Errorf("the entries make another tree of %d leaves than the checkpoint signs: they were changed: %w", v.Checkpoint.N, artifact.ErrUnverified)
	}
	for _, t := range tlog.NewTiles(tileHeight, 0, v.Checkpoint.N) {
		if err := sameTile(ctx, fetch, t, r); err != nil {
			return v, err
		}
	}
	for _, one := range seen {
		if err := extends(one, by, v.Checkpoint, r); err != nil {
			return v, err
		}
	}
	return v, nil
}

// read reads all entries, and hashes them.
func (v *Verification) read(ctx context.Context, fetch Fetch, r *grown) error {
	for n := int64(0); n*tileWidth < v.Checkpoint.N; n++ {
		t := tilePath{level: entriesLevel, number: n, width: int(min(tileWidth, v.Checkpoint.N-n*tileWidth))}
		raw, err := fetch(ctx, t.String())
		if err != nil {
			return err
		}
		entries, err := unbundle(raw, t.width)
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		for i, e := range entries {
			h := tlog.RecordHash(e)
			v.Leaves = append(v.Leaves, h)
			hashes, err := tlog.StoredHashesForRecordHash(n*tileWidth+int64(i), h, r)
			if err != nil {
				return err
			}
			r.fresh = append(r.fresh, hashes...)
		}
	}
	return nil
}

func sameTile(ctx context.Context, fetch Fetch, t tlog.Tile, r tlog.HashReader) error {
	want, err := tlog.ReadTileData(t, r)
	if err != nil {
		return err
	}
	path := tilePath{level: t.L, number: t.N, width: t.W}.String()
	got, err := fetch(ctx, path)
	if err != nil {
		return err
	}
	if string(got) != string(want) {
		return fmt.Errorf("%s is not the tile of the entries: it was changed: %w", path, artifact.ErrUnverified)
	}
	return nil
}

// extends proves that a tree begins with that of a checkpoint; "" is none.
func extends(seen string, by note.Verifier, now Checkpoint, r tlog.HashReader) error {
	if seen == "" {
		return nil
	}
	before, err := OpenCheckpoint(seen, by)
	if err != nil {
		return fmt.Errorf("the checkpoint that was seen before: %w", err)
	}
	return grew(before, now, r)
}

// ErrFewer says that a log has fewer leaves than were seen. A replica may be behind for
// some seconds; what stays so was taken away.
var ErrFewer = fmt.Errorf("some were taken away: %w", artifact.ErrUnverified)

// grew proves that a tree begins with one that was seen before.
func grew(before, now Checkpoint, r tlog.HashReader) error {
	if before.N > now.N {
		return fmt.Errorf("the log has %d leaves, and had %d: %w", now.N, before.N, ErrFewer)
	}
	root, err := tlog.TreeHash(before.N, r)
	if err != nil {
		return err
	}
	if root != before.Hash {
		return fmt.Errorf("the first %d leaves are not those that were seen before: history was changed: %w", before.N, artifact.ErrUnverified)
	}
	return nil
}

// A Row is a leaf as the database has it, with its salt.
type Row struct {
	Number int64
	Salt   []byte
	Event  []byte
}

// CheckRow says whether a row of the database is the leaf that the log has.
// Errors wrap artifact.ErrUnverified.
func (v *Verification) CheckRow(row Row) (Event, error) {
	e, err := ReadEvent(row.Event)
	if err != nil {
		return e, fmt.Errorf("row %d: %w: %w", row.Number, err, artifact.ErrUnverified)
	}
	if row.Number < 0 || row.Number >= int64(len(v.Leaves)) {
		return e, nil // it has no checkpoint yet
	}
	if entry := entryOf(row.Salt, row.Event); tlog.RecordHash(entry[:]) != v.Leaves[row.Number] {
		return e, fmt.Errorf("row %d says %s %s%s %s at %s, and the log has another leaf there: the row was changed: %w",
			row.Number, e.Kind, e.Plugin, e.Ledger, e.Digest, e.At, artifact.ErrUnverified)
	}
	return e, nil
}

// NewVerifier reads the key of a log. Errors wrap artifact.ErrInvalid.
func NewVerifier(text string) (note.Verifier, error) {
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, fmt.Errorf("key of a log %.100q: expected NAME+HASH+KEY, as GET /api/v1/log says it: %w: %w", text, err, artifact.ErrInvalid)
	}
	return v, nil
}
