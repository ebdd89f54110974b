package ledger

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// A Head is how far a ledger goes: the sequence number of its last statement
// and that statement's digest, which stands for all before it. The zero Head
// is that of an empty ledger.
type Head struct {
	Sequence int           `json:"sequence"`
	Digest   digest.Digest `json:"digest"`
}

// ParseHead reads what String writes. Errors wrap artifact.ErrInvalid.
func ParseHead(s string) (Head, error) {
	number, text, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(number)
	h := Head{n, digest.Digest(text)}
	if !ok || err != nil || n < 1 || n > MaxStatements || !isSHA256(h.Digest) {
		return Head{}, fmt.Errorf("head %.150q: expected SEQUENCE:sha256:<hex>: %w", s, artifact.ErrInvalid)
	}
	return h, nil
}

// IsZero reports whether h is the head of an empty ledger.
func (h Head) IsZero() bool { return h.Sequence == 0 }

// String is "12:sha256:…", or "" for the zero Head.
func (h Head) String() string {
	if h.IsZero() {
		return ""
	}
	return strconv.Itoa(h.Sequence) + ":" + h.Digest.String()
}

// A Relation says how a list stands to an earlier one.
type Relation int

// The relations of a list to an earlier one.
const (
	Forked  Relation = iota // they differ at a place that both have
	Same                    // the same statements
	Longer                  // the earlier one is a prefix
	Shorter                 // it is a prefix of the earlier one
)

// Compare says how l stands to old, and at which sequence number they part: the
// first that differs, or that only one of them has; 0 where they are the same.
func (l *List) Compare(old *List) (Relation, int) {
	was, is := old.Statements, l.Statements
	for i := range min(len(was), len(is)) {
		if was[i].Digest != is[i].Digest {
			return Forked, i + 1
		}
	}
	switch {
	case len(is) > len(was):
		return Longer, len(was) + 1
	case len(is) < len(was):
		return Shorter, len(is) + 1
	}
	return Same, 0
}

// Extends is nil where old is a prefix of l, or the same. Otherwise it is an
// error that wraps artifact.ErrConflict and names the first statement that
// differs.
func (l *List) Extends(old *List) error {
	relation, at := l.Compare(old)
	switch relation {
	case Same, Longer:
		return nil
	case Shorter:
		return fmt.Errorf("ledger: an older copy: it has the first %d of the %d statements that are here, so there is nothing in it to add: %w",
			len(l.Statements), len(old.Statements), artifact.ErrConflict)
	}
	return fmt.Errorf("ledger: forked at statement %d: here it is %s, there %s: %w",
		at, old.Statements[at-1].Digest, l.Statements[at-1].Digest, artifact.ErrConflict)
}

// Contains says whether h is in l: Same where it is the last, Longer where
// statements follow, Shorter where l ends before it, Forked where another
// statement has its number. Every list contains the zero Head.
func (l *List) Contains(h Head) Relation {
	switch n := len(l.Statements); {
	case h.Sequence > n:
		return Shorter
	case h.Sequence > 0 && l.Statements[h.Sequence-1].Digest != h.Digest:
		return Forked
	case h.Sequence < n:
		return Longer
	}
	return Same
}
