package publog

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// A Restorer replaces the log in the database.
type Restorer interface {
	// ReplaceLog replaces the head, every leaf and every tile, all of it or
	// nothing. Where was is not the head, nothing changes: artifact.ErrConflict;
	// the zero Head is none.
	ReplaceLog(ctx context.Context, was, is Head, leaves []Leaf, tiles []TileData) error
}

// A Recovery is what Recover did.
type Recovery struct {
	Size int64 // leaves that there are now
	// Had is how many of them the database had.
	Had int64
	// Intact says that nothing was lost, and nothing done.
	Intact bool
}

// Recover makes the database have the log again that was shown, from what the
// registry carries: the copy, and the events behind it. Nothing is believed that the
// last checkpoint does not sign: that which is remembered, or which the copy has, or
// known, which somebody else saw ("" is none), whichever has the most leaves.
//
// Where nothing was lost it does nothing. Errors wrap artifact.ErrUnverified where known is of another log or history, and ErrBehind
// where some leaves are nowhere; then nothing changed.
func (l *Log) Recover(ctx context.Context, known string) (Recovery, error) {
	l.step.Lock()
	defer l.step.Unlock()
	if known == "" {
		err := l.Intact(ctx)
		if err == nil {
			_, at := l.Checkpoint()
			return Recovery{Size: at.N, Had: at.N, Intact: true}, nil
		}
		if !errors.Is(err, ErrBehind) && !errors.Is(err, ErrBroken) {
			return Recovery{}, err
		}
	}
	r, err := l.recover(ctx, known)
	if err != nil {
		return r, err
	}
	l.mu.Lock()
	l.broken, l.walk = nil, l.o.Events != nil
	clear(l.logged)
	l.mu.Unlock()
	clear(l.stated)
	return r, l.follow(ctx)
}

func (l *Log) recover(ctx context.Context, known string) (Recovery, error) {
	target, signed, met, err := l.furthest(ctx, known)
	if err != nil {
		return Recovery{}, err
	}
	leaves, had, err := l.salvage(ctx, target)
	if err != nil {
		return Recovery{}, err
	}
	was, err := l.o.Store.LogHead(ctx)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, ErrBroken) {
		return Recovery{}, err
	}
	is, tiles, err := plant(target, leaves, met)
	if err != nil {
		return Recovery{}, err
	}
	is.Checkpoint = signed
	if err := l.keepRecord(ctx, signed, target); err != nil {
		return Recovery{}, err
	}
	if err := l.o.Restore.ReplaceLog(ctx, was, is, leaves, tiles); err != nil {
		return Recovery{}, err
	}
	return Recovery{Size: target.N, Had: had}, nil
}

// A metCheckpoint is one that this site's key signed, and where it was found.
type metCheckpoint struct {
	where string
	Checkpoint
}

// furthest is the checkpoint with the most leaves of those that are known, and all
// that were met: whatever is recovered has to extend each.
func (l *Log) furthest(ctx context.Context, known string) (best Checkpoint, text string, met []metCheckpoint, err error) {
	take := func(what, signed string, must bool) error {
		if signed == "" {
			return nil
		}
		c, err := OpenCheckpoint(signed, l.key.verifier)
		if err != nil && must {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err == nil {
			met = append(met, metCheckpoint{what, c})
		}
		if err == nil && (text == "" || c.N > best.N) {
			best, text = c, signed
		}
		return nil
	}
	remembered, err := l.remembered(ctx)
	if err != nil {
		return best, "", nil, err
	}
	_ = take(Record, remembered, false) // damaged, or of another key: the copy has one
	if c, err := OpenCopy(ctx, l.o.Carried); err == nil {
		if raw, err := c.Fetch(ctx, checkpointName); err == nil {
			_ = take(Repository, string(raw), false)
		}
	}
	if err := take("the checkpoint that was given", known, true); err != nil {
		return best, "", nil, err
	}
	if text == "" {
		return best, "", nil, fmt.Errorf("%w: neither %s nor %s:%s has a checkpoint that the key of this site signed", ErrBehind, Record, Repository, Tag)
	}
	return best, text, met, nil
}

// salvage gathers the leaves of a tree: from the copy, from the tail, and from the
// database, each held to what the event makes it; the tree is held to target by
// plant. had is how many the database has.
func (l *Log) salvage(ctx context.Context, target Checkpoint) (leaves []Leaf, had int64, err error) {
	leaves = make([]Leaf, target.N)
	found := make([]bool, target.N)
	put := func(n int64, raw []byte) {
		e, err := ReadEvent(raw)
		if err != nil || n < 0 || n >= target.N || found[n] {
			return
		}
		leaves[n] = Leaf{Number: n, Key: e.Key(), Event: raw, Entry: entryOf(l.key.saltOf(raw), raw)}
		found[n] = true
	}
	if err := l.fromCopy(ctx, target, put); err != nil {
		return nil, 0, err
	}
	var t tail
	err = l.o.Tail(ctx, func(have []byte) (_ []byte, err error) {
		t, err = l.key.unsealTail(have)
		return nil, errors.Join(err, errOnlyRead)
	})
	if err != nil && !errors.Is(err, errOnlyRead) {
		return nil, 0, err
	}
	for i, raw := range t.events {
		put(t.from+int64(i), raw)
	}
	if had, err = l.fromDatabase(ctx, target, put); err != nil {
		return nil, 0, err
	}
	var missing int64
	for _, is := range found {
		if !is {
			missing++
		}
	}
	if missing > 0 {
		return nil, had, fmt.Errorf("%w: %d of the %d leaves that were signed are neither in %s nor in the database: "+
			"restore %s from a backup or from a copy that has them", ErrBehind, missing, target.N, Repository, Repository)
	}
	first := make(map[LeafKey]bool, len(leaves))
	for i := range leaves {
		if first[leaves[i].Key] {
			leaves[i].Key = l.key.onceMore(leaves[i].Number, leaves[i].Key)
		}
		first[leaves[i].Key] = true
	}
	return leaves, had, nil
}

// fromCopy reads the events of the copy in the registry. One that is damaged leaves
// its leaves to the database.
func (l *Log) fromCopy(ctx context.Context, target Checkpoint, put func(int64, []byte)) error {
	c, err := OpenCopy(ctx, l.o.Carried)
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) || errors.Is(err, artifact.ErrInvalid) {
		return nil
	}
	if err != nil {
		return err
	}
	size := min(c.is.size, target.N)
	for n := int64(0); n*tileWidth < size; n++ {
		t := tilePath{eventsLevel, n, int(min(tileWidth, c.is.size-n*tileWidth))}
		raw, err := c.Fetch(ctx, t.String())
		var events [][]byte
		if err == nil {
			events, err = l.key.unsealed(t.String(), raw)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, artifact.ErrNotFound), errors.Is(err, artifact.ErrUnverified):
			continue
		case err != nil:
			return err
		}
		for i, e := range events {
			put(n*tileWidth+int64(i), e)
		}
	}
	return nil
}

// fromDatabase reads the leaves that the database has and that are what their
// events make them.
func (l *Log) fromDatabase(ctx context.Context, target Checkpoint, put func(int64, []byte)) (had int64, err error) {
	for from := int64(0); from < target.N; {
		leaves, err := l.o.Store.Leaves(ctx, LeafQuery{From: from, Limit: atOnce})
		if err != nil && !errors.Is(err, ErrBroken) {
			return had, err
		}
		if err != nil || len(leaves) == 0 {
			break
		}
		for _, one := range leaves {
			if one.Number < target.N && l.key.holds(one) {
				had++
				put(one.Number, one.Event)
			}
		}
		from = leaves[len(leaves)-1].Number + 1
	}
	return had, nil
}

// plant makes the tree of leaves, which must be that of target and extend all that
// were met.
func plant(target Checkpoint, leaves []Leaf, met []metCheckpoint) (Head, []TileData, error) {
	r := &grown{}
	for _, one := range leaves {
		hashes, err := tlog.StoredHashesForRecordHash(one.Number, tlog.RecordHash(one.Entry[:]), r)
		if err != nil {
			return Head{}, nil, err
		}
		r.fresh = append(r.fresh, hashes...)
	}
	root, err := tlog.TreeHash(target.N, r)
	if err != nil {
		return Head{}, nil, err
	}
	if root != target.Hash {
		return Head{}, nil, fmt.Errorf("the leaves that the registry carries are not those that the checkpoint of %d leaves signs: %w",
			target.N, artifact.ErrUnverified)
	}
	for _, m := range met {
		if err := grew(m.Checkpoint, target, r); err != nil {
			return Head{}, nil, fmt.Errorf("two histories were signed with the key of this site: %s has another than the one of %d leaves: %w",
				m.where, target.N, err)
		}
	}
	var tiles []TileData
	for _, t := range tlog.NewTiles(tileHeight, 0, target.N) {
		data, err := tlog.ReadTileData(t, r)
		if err != nil {
			return Head{}, nil, err
		}
		tiles = append(tiles, TileData{Level: t.L, Number: t.N, Data: data})
	}
	return Head{Origin: target.Origin, Tree: target.Tree}, tiles, nil
}

// keepRecord has the record say at least the checkpoint that is recovered.
func (l *Log) keepRecord(ctx context.Context, signed string, target Checkpoint) error {
	return l.o.Record(ctx, func(have []byte) ([]byte, error) {
		if last, err := OpenCheckpoint(string(have), l.key.verifier); err == nil && last.N >= target.N {
			return have, nil
		}
		return []byte(signed), nil
	})
}

// RecoverProblem is an error of Recover in the words of the API; any other stays.
func RecoverProblem(err error) error {
	switch {
	case errors.Is(err, ErrBehind), errors.Is(err, ErrBroken):
		return Problem(err)
	case errors.Is(err, artifact.ErrConflict):
		return index.NewProblem(index.CodeConflict, err.Error(), "another replica writes at the same time: ask again")
	case errors.Is(err, artifact.ErrUnverified):
		return index.NewProblem(index.CodeUnverified, err.Error(),
			"look at who changed the registry or the checkpoint before anything else: oarlock fsck, oarlock log verify")
	}
	return err
}
