package publog

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
)

// A Checkpoint is a tree head of a log (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string
	tlog.Tree
}

func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.N, c.Hash)
}

func (k *key) sign(c Checkpoint) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, k.signer)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	return string(signed), nil
}

// MostLeaves bounds a log: what says that it has more was made up, and the arithmetic
// of trees ends well below the largest integer.
const MostLeaves = 1 << 40

// maxCheckpoint bounds a signed checkpoint, in bytes.
const maxCheckpoint = 64 << 10

// OpenCheckpoint reads a signed checkpoint of the log that has the key: its
// origin is the key's name. Errors wrap artifact.ErrUnverified.
func OpenCheckpoint(signed string, by note.Verifier) (Checkpoint, error) {
	var c Checkpoint
	if len(signed) > maxCheckpoint {
		return c, fmt.Errorf("checkpoint: %d bytes, expected at most %d: %w", len(signed), maxCheckpoint, artifact.ErrUnverified)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(by))
	if err != nil {
		return c, fmt.Errorf("checkpoint: expected one that %s signed: %w: %w", by.Name(), err, artifact.ErrUnverified)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != by.Name() {
		return c, fmt.Errorf("checkpoint: %.100q, expected the origin %s, a size and a hash: %w", n.Text, by.Name(), artifact.ErrUnverified)
	}
	c.Origin = lines[0]
	if c.N, err = decimal(lines[1]); err != nil {
		return c, fmt.Errorf("checkpoint: size %w: %w", err, artifact.ErrUnverified)
	}
	if c.N > MostLeaves {
		return c, fmt.Errorf("checkpoint: %d leaves, expected at most %d: %w", c.N, MostLeaves, artifact.ErrUnverified)
	}
	if c.Hash, err = parseHash(lines[2]); err != nil {
		return c, fmt.Errorf("checkpoint: %w: %w", err, artifact.ErrUnverified)
	}
	return c, nil
}

// decimal reads a number as the formats write it.
func decimal(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%.40q is no decimal number without leading zeros", s)
	}
	return n, nil
}

func parseHash(s string) (tlog.Hash, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("%.60q is no hash in base64", s)
	}
	return tlog.Hash(raw), nil
}
