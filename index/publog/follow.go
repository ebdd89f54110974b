package publog

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
)

// A Followed is a log at a checkpoint that extends those that were seen before. Of
// its tree it reads what it is asked for, and no more.
type Followed struct {
	Checkpoint Checkpoint
	Signed     string        // the checkpoint, to be remembered
	Since      int64         // leaves of the longest checkpoint that was seen before
	Cosigned   []Cosignature // by the witnesses that were asked for

	tree tlog.HashReader
}

// Follow reads the checkpoint of a log and proves by its tiles that it extends each
// that was seen before; "" is none. Nothing else of the log is read, so whether its
// entries are those of its tiles is Verify's to say. Errors wrap
// artifact.ErrUnverified where the log does not hold; any other says that it could
// not be told.
func Follow(ctx context.Context, fetch Fetch, by note.Verifier, q Quorum, seen ...string) (*Followed, error) {
	raw, err := fetch(ctx, checkpointName)
	if err != nil {
		return nil, err
	}
	f := &Followed{Signed: string(raw)}
	if f.Checkpoint, err = OpenCheckpoint(f.Signed, by); err != nil {
		return nil, err
	}
	if f.Cosigned, err = q.Check(f.Signed, by); err != nil {
		return nil, err
	}
	f.tree = tlog.TileHashReader(f.Checkpoint.Tree, fetchedTiles{ctx, fetch})
	for _, one := range seen {
		if one == "" {
			continue
		}
		before, err := OpenCheckpoint(one, by)
		if err != nil {
			return nil, fmt.Errorf("the checkpoint that was seen before: %w", err)
		}
		if err := grew(before, f.Checkpoint, f.tree); err != nil {
			return nil, forgedTiles(err)
		}
		f.Since = max(f.Since, before.N)
	}
	return f, nil
}

// CheckRows says what the events are that the log has as its leaves. A row of a
// leaf that the checkpoint does not sign, or that the log has another leaf for, is
// an error that wraps artifact.ErrUnverified.
func (f *Followed) CheckRows(rows []Row) ([]Event, error) {
	indexes := make([]int64, len(rows))
	for i, row := range rows {
		if row.Number < 0 || row.Number >= f.Checkpoint.N {
			return nil, fmt.Errorf("leaf %d of a log that has %d: %w", row.Number, f.Checkpoint.N, artifact.ErrUnverified)
		}
		indexes[i] = tlog.StoredHashIndex(0, row.Number)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	hashes, err := f.tree.ReadHashes(indexes)
	if err != nil {
		return nil, forgedTiles(err)
	}
	events := make([]Event, len(rows))
	for i, row := range rows {
		if entry := entryOf(row.Salt, row.Event); tlog.RecordHash(entry[:]) != hashes[i] {
			return nil, fmt.Errorf("leaf %d is told to be %.200q, and the log has another leaf there: %w", row.Number, row.Event, artifact.ErrUnverified)
		}
		if events[i], err = ReadEvent(row.Event); err != nil {
			return nil, fmt.Errorf("leaf %d: %w: %w", row.Number, err, artifact.ErrUnverified)
		}
	}
	return events, nil
}

// fetchedTiles reads tiles of a log as tlog asks for them, which authenticates them.
type fetchedTiles struct {
	ctx   context.Context
	fetch Fetch
}

// Height implements tlog.TileReader.
func (fetchedTiles) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader.
func (fetchedTiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader.
func (f fetchedTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		path := tilePath{level: t.L, number: t.N, width: t.W}.String()
		data, err := f.fetch(f.ctx, path)
		if err != nil {
			return nil, err
		}
		if len(data) != t.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes, expected %d: %w", path, len(data), t.W*tlog.HashSize, artifact.ErrUnverified)
		}
		out[i] = data
	}
	return out, nil
}

// forgedTiles tells tiles that are not those of the checkpoint from ones that could
// not be had.
func forgedTiles(err error) error {
	if strings.Contains(err.Error(), "inconsistent") {
		return fmt.Errorf("the tiles are not those of the tree that the checkpoint signs: %w: %w", err, artifact.ErrUnverified)
	}
	return err
}
