package catalog

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// A cursor is the place after one row of one answer from one catalog.
type cursor struct {
	generation int64
	catalog    [8]byte // beginning of the catalog's digest
	question   uint64
	key        uint64 // sort key of the row, where the snapshot cannot tell it
	id         artifact.Name
}

const cursorFormat = 1

// A CursorError says what is wrong with the cursor of a question. It wraps
// artifact.ErrInvalid.
type CursorError struct{ err error }

func badCursor(format string, args ...any) error { return &CursorError{fmt.Errorf(format, args...)} }

func (e *CursorError) Error() string { return e.err.Error() }

// Unwrap gives the cause, and the kind.
func (e *CursorError) Unwrap() error { return e.err }

// fixed is the length of everything before the id.
const cursorFixed = 1 + 8 + 8 + 8 + 8

func (c cursor) String() string {
	b := make([]byte, 0, cursorFixed+len(c.id.String()))
	b = append(b, cursorFormat)
	b = binary.BigEndian.AppendUint64(b, uint64(c.generation))
	b = append(b, c.catalog[:]...)
	b = binary.BigEndian.AppendUint64(b, c.question)
	b = binary.BigEndian.AppendUint64(b, c.key)
	return base64.RawURLEncoding.EncodeToString(append(b, c.id.String()...))
}

func parseCursor(s string) (cursor, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") || len(b) <= cursorFixed || b[0] != cursorFormat {
		return cursor{}, badCursor("cursor %.80q: expected next_cursor of an earlier page: %w", s, artifact.ErrInvalid)
	}
	c := cursor{
		generation: int64(binary.BigEndian.Uint64(b[1:])),
		question:   binary.BigEndian.Uint64(b[17:]),
		key:        binary.BigEndian.Uint64(b[25:]),
	}
	copy(c.catalog[:], b[9:])
	if c.id, err = artifact.ParseName(string(b[cursorFixed:])); err != nil {
		return cursor{}, badCursor("cursor %.80q: %w", s, err)
	}
	return c, nil
}

// CursorGeneration is the number of the generation that a cursor belongs to:
// the one to continue from (Live.At). Errors wrap artifact.ErrInvalid.
func CursorGeneration(s string) (int64, error) {
	c, err := parseCursor(s)
	return c.generation, err
}

// cursorFor reads q.Cursor and checks that it continues q in s. Errors wrap
// artifact.ErrInvalid, or ErrGenerationGone where it is of another catalog.
func (s *Snapshot) cursorFor(q *Query) (cursor, error) {
	c, err := parseCursor(q.Cursor)
	switch {
	case err != nil:
		return c, err
	case c.question != q.question():
		return c, badCursor("cursor %.80q is of another question: ask with the parameters of the first page: %w", q.Cursor, artifact.ErrInvalid)
	case c.catalog != s.shortDigest():
		return c, fmt.Errorf("cursor %.80q is of generation %d: %w", q.Cursor, c.generation, ErrGenerationGone)
	}
	e := s.tree.get(c.id)
	switch {
	case e == nil:
		return c, badCursor("cursor %.80q names no plugin of the catalog: %w", q.Cursor, artifact.ErrInvalid)
	case q.Sort == SortUpdated && c.key != descending(e.updated): // times are in no digest
		return c, fmt.Errorf("cursor %.80q is of generation %d: %w", q.Cursor, c.generation, ErrGenerationGone)
	}
	return c, nil
}

func (s *Snapshot) shortDigest() [8]byte { return [8]byte(s.tree.sum[:8]) }
