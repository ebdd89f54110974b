package publog

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"
)

// A Leaf is an event in its place.
type Leaf struct {
	Number int64 // from 0 on, without gaps
	Key    LeafKey
	Event  []byte // canonical
	Entry  [32]byte
}

// A Head is how far the log is signed.
type Head struct {
	Origin string
	tlog.Tree
	// Checkpoint is the last one that was signed: of this tree, or of an earlier
	// one where that of this tree is on its way.
	Checkpoint string
}

// A TileData is one tile, whole or as far as the tree goes.
type TileData struct {
	Level  int
	Number int64
	Data   []byte // the hashes, one after the other
}

// A LeafQuery asks for leaves: those with Keys, or those from a number on.
type LeafQuery struct {
	Keys  []LeafKey
	From  int64
	Limit int
}

// A Store keeps the log in SQL. Its errors wrap artifact.ErrNotFound and
// artifact.ErrConflict where a method says so; any other is that it could not
// tell.
type Store interface {
	// LogHead gives the head; artifact.ErrNotFound where there is none.
	LogHead(ctx context.Context) (Head, error)
	// SwapLogHead replaces the head that was by another and keeps tiles, all of
	// it or nothing; was is the zero Head where there is none. Where was is no
	// longer the head, nothing changes: artifact.ErrConflict.
	SwapLogHead(ctx context.Context, was, is Head, tiles []TileData) error
	// LogTile gives a tile; artifact.ErrNotFound where there is none.
	LogTile(ctx context.Context, level int, number int64) ([]byte, error)
	// AppendLeaves numbers those leaves whose key is not there yet, in the order
	// given, after all that are there, and gives how many that were. Where fewer
	// leaves are there than the head has, none is added: artifact.ErrConflict.
	// then, if any, is given those that are new, in the transaction that adds
	// them; its error adds none.
	AppendLeaves(ctx context.Context, leaves []Leaf, then func(ctx context.Context, added []Leaf) error) (int, error)
	// Leaves gives what q asks for, by number; none is no error.
	Leaves(ctx context.Context, q LeafQuery) ([]Leaf, error)
}
