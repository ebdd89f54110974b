package publog

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	// maxProof bounds a proof, in bytes; maxPath the hashes in it.
	maxProof = 128 << 10
	maxPath  = 63
)

// A Proof says that an event is in a log (C2SP tlog-proof). Its extra data is
// the salt and the event.
type Proof struct {
	Index      int64
	Path       tlog.RecordProof
	Checkpoint string // signed
	salt       []byte
	event      []byte
}

// String is the proof as it travels.
func (p Proof) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(append(p.salt[:len(p.salt):len(p.salt)], p.event...)), p.Index)
	for _, h := range p.Path {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n" + p.Checkpoint)
	return b.String()
}

// ParseProof reads a proof with the event that it is about, and verifies
// nothing. Errors wrap artifact.ErrInvalid.
func ParseProof(text string) (Proof, error) {
	p, err := parseProof(text)
	if err != nil {
		return p, fmt.Errorf("proof: %w: %w", err, artifact.ErrInvalid)
	}
	return p, nil
}

func parseProof(text string) (p Proof, err error) {
	if len(text) > maxProof {
		return p, fmt.Errorf("%d bytes, expected at most %d", len(text), maxProof)
	}
	head, checkpoint, ok := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != proofHeader {
		return p, fmt.Errorf("%.40q, expected %s, a proof, an empty line and a checkpoint", lines[0], proofHeader)
	}
	p.Checkpoint = checkpoint
	extra, ok := strings.CutPrefix(at(lines, 1), "extra ")
	raw, err := base64.StdEncoding.Strict().DecodeString(extra)
	if !ok || err != nil || len(raw) < saltSize {
		return p, fmt.Errorf("line 2: %.40q, expected extra and the salt and the event in base64", at(lines, 1))
	}
	p.salt, p.event = raw[:saltSize], raw[saltSize:]
	index, ok := strings.CutPrefix(at(lines, 2), "index ")
	if !ok {
		return p, fmt.Errorf("line 3: %.40q, expected index and a number", at(lines, 2))
	}
	if p.Index, err = decimal(index); err != nil {
		return p, fmt.Errorf("line 3: %w", err)
	}
	path := lines[3:]
	if len(path) > maxPath {
		return p, fmt.Errorf("%d hashes, expected at most %d", len(path), maxPath)
	}
	for n, line := range path {
		h, err := parseHash(line)
		if err != nil {
			return p, fmt.Errorf("line %d: %w", n+4, err)
		}
		p.Path = append(p.Path, h)
	}
	return p, nil
}

// at is a line, or nothing.
func at(lines []string, n int) string {
	if n < len(lines) {
		return lines[n]
	}
	return ""
}

// Verify says what the proof proves, offline: that the log with the key had the
// event in the tree of the checkpoint. Errors wrap artifact.ErrUnverified.
func (p Proof) Verify(by note.Verifier) (Event, Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, by)
	if err != nil {
		return Event{}, c, err
	}
	entry := entryOf(p.salt, p.event)
	if p.Index >= c.N {
		return Event{}, c, fmt.Errorf("proof: leaf %d of a tree of %d: %w", p.Index, c.N, artifact.ErrUnverified)
	}
	if err := tlog.CheckRecord(p.Path, c.N, c.Hash, p.Index, tlog.RecordHash(entry[:])); err != nil {
		return Event{}, c, fmt.Errorf("proof: leaf %d is not in the tree of %d that the checkpoint signs: %w: %w", p.Index, c.N, err, artifact.ErrUnverified)
	}
	e, err := ReadEvent(p.event)
	if err != nil {
		err = fmt.Errorf("proof: %w: %w", err, artifact.ErrUnverified)
	}
	return e, c, err
}
