package publog

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	// entriesLevel stands for the bundles of entries, and eventsLevel for those of
	// sealed events, which a copy in a registry has and /log/ has not.
	entriesLevel = -1
	eventsLevel  = -2
)

var wordLevels = map[int]string{entriesLevel: "entries", eventsLevel: "events"}

// A tilePath names a tile, as C2SP tlog-tiles writes it:
//
//	path   = "tile/" ( level / "entries" / "events" ) "/" number [ ".p/" width ]
//	number = { "x" 3DIGIT "/" } 3DIGIT
type tilePath struct {
	level  int // entriesLevel are the entries
	number int64
	width  int
}

func (t tilePath) String() string {
	level := strconv.Itoa(t.level)
	if word, is := wordLevels[t.level]; is {
		level = word
	}
	number := fmt.Sprintf("%03d", t.number%1000)
	for n := t.number / 1000; n > 0; n /= 1000 {
		number = fmt.Sprintf("x%03d/%s", n%1000, number)
	}
	if t.width != tileWidth {
		return fmt.Sprintf("tile/%s/%s.p/%d", level, number, t.width)
	}
	return "tile/" + level + "/" + number
}

// parseTilePath reads what String writes, and nothing else.
func parseTilePath(s string) (tilePath, error) {
	t := tilePath{width: tileWidth}
	bad := fmt.Errorf("%.100q: expected tile/LEVEL/NUMBER or tile/entries/NUMBER, with .p/WIDTH where it is not whole: %w", s, artifact.ErrInvalid)
	rest, ok := strings.CutPrefix(s, "tile/")
	level, number, more := strings.Cut(rest, "/")
	if !ok || !more {
		return t, bad
	}
	if level == wordLevels[entriesLevel] {
		t.level = entriesLevel
	} else if level == wordLevels[eventsLevel] {
		t.level = eventsLevel
	} else if n, err := decimal(level); err != nil || n > 63 {
		return t, bad
	} else {
		t.level = int(n)
	}
	if before, width, partial := strings.Cut(number, ".p/"); partial {
		n, err := decimal(width)
		if err != nil || n < 1 || n >= tileWidth {
			return t, bad
		}
		number, t.width = before, int(n)
	}
	for _, digits := range strings.Split(number, "/") {
		n, err := strconv.ParseInt(strings.TrimPrefix(digits, "x"), 10, 64)
		if err != nil || n < 0 || n > 999 || t.number > 1<<50 {
			return t, bad
		}
		t.number = t.number*1000 + n
	}
	if t.String() != s {
		return t, bad
	}
	return t, nil
}

// within reports whether a tree of a size has the tile.
func (t tilePath) within(size int64) bool {
	return t.number < 1<<40 && t.number*tileWidth+int64(t.width) <= hashesAt(size, t.level)
}

// hashesAt is how many hashes a tree has at a level of tiles.
func hashesAt(size int64, level int) int64 {
	if level > 7 {
		return 0
	}
	return size >> (tileHeight * max(level, 0))
}

// storedTiles reads tiles of the store as tlog asks for them. It authenticates
// nothing: tlog does.
type storedTiles struct {
	ctx   context.Context
	store Store
}

// Height implements tlog.TileReader.
func (storedTiles) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader.
func (storedTiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader.
func (s storedTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		data, err := s.store.LogTile(s.ctx, t.L, t.N)
		if err != nil {
			return nil, err
		}
		if len(data) < t.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %d/%d has %d hashes, expected %d: %w", t.L, t.N, len(data)/tlog.HashSize, t.W, ErrBroken)
		}
		out[i] = data[:t.W*tlog.HashSize]
	}
	return out, nil
}

// grown reads the hashes of a tree that has more leaves than its tiles.
type grown struct {
	base   tlog.HashReader
	stored int64 // so many hashes are in base
	fresh  []tlog.Hash
}

// ReadHashes implements tlog.HashReader.
func (g *grown) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	var ask []int64
	for i, x := range indexes {
		if x >= g.stored {
			if x-g.stored >= int64(len(g.fresh)) {
				return nil, fmt.Errorf("hash %d is not there yet: %w", x, ErrBroken)
			}
			out[i] = g.fresh[x-g.stored]
		} else {
			ask = append(ask, x)
		}
	}
	if len(ask) == 0 {
		return out, nil
	}
	got, err := g.base.ReadHashes(ask)
	if err != nil {
		return nil, err
	}
	for i, x := range indexes {
		if x < g.stored {
			out[i], got = got[0], got[1:]
		}
	}
	return out, nil
}

// bundle is entries as a tile of them holds them.
func bundle(entries [][32]byte) []byte {
	out := make([]byte, 0, len(entries)*34)
	for _, e := range entries {
		out = binary.BigEndian.AppendUint16(out, uint16(len(e)))
		out = append(out, e[:]...)
	}
	return out
}

// unbundle reads a tile of so many entries.
func unbundle(raw []byte, width int) ([][]byte, error) {
	var out [][]byte
	for len(raw) >= 2 {
		n := int(binary.BigEndian.Uint16(raw))
		if len(raw) < 2+n {
			break
		}
		out, raw = append(out, raw[2:2+n]), raw[2+n:]
	}
	if len(raw) > 0 || len(out) != width {
		return nil, fmt.Errorf("a tile of %d entries, expected %d: %w", len(out), width, artifact.ErrUnverified)
	}
	return out, nil
}

// keptTiles keeps what was read, for many proofs of one tree. It is safe for
// concurrent use.
type keptTiles struct {
	from tlog.TileReader

	mu   sync.Mutex
	kept map[tlog.Tile][]byte
}

// Height implements tlog.TileReader.
func (k *keptTiles) Height() int { return k.from.Height() }

// SaveTiles implements tlog.TileReader.
func (k *keptTiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader.
func (k *keptTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		if out[i] = k.kept[t]; out[i] != nil {
			continue
		}
		data, err := k.from.ReadTiles(tiles[i : i+1])
		if err != nil {
			return nil, err
		}
		if k.kept == nil {
			k.kept = map[tlog.Tile][]byte{}
		}
		k.kept[t], out[i] = data[0], data[0]
	}
	return out, nil
}
