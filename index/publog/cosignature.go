package publog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/oarlock/oarlock/artifact"
)

// cosignatureV1 is the signature type of cosignature/v1 with Ed25519.
//
// Source: C2SP tlog-cosignature v1, Format.
const cosignatureV1 = 4

// cosignatureSize is a time in seconds, big-endian, and an Ed25519 signature.
const cosignatureSize = 8 + ed25519.SignatureSize

// A cosigner verifies the cosignatures of one witness; it is a note.Verifier.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }

// Verify reports whether sig is a cosignature of a checkpoint.
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != cosignatureSize {
		return false
	}
	seconds := binary.BigEndian.Uint64(sig)
	return seconds <= latest && ed25519.Verify(c.key, cosigned(seconds, msg), sig[8:])
}

// latest is the last second that RFC 3339 can say, of the year 9999: who cosigns at a
// later one has no clock, and his time could not be told.
const latest = 253402300799

// cosigned is what a witness signs.
func cosigned(seconds uint64, checkpoint []byte) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, checkpoint)
}

// cosignerHash is the id of a witness's key.
func cosignerHash(name string, public []byte) uint32 {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n%c", name, cosignatureV1)
	h.Write(public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// NewCosigner reads the key of a witness, NAME+HASH+KEY (C2SP tlog-cosignature v1,
// Ed25519). A key of a log is none: its signatures say nothing about other
// histories. Errors wrap artifact.ErrInvalid.
func NewCosigner(text string) (note.Verifier, error) {
	c, err := parseCosigner(text)
	if err != nil {
		return nil, fmt.Errorf("key of a witness %.100q: %w: expected NAME+HASH+KEY of a cosignature/v1 key: %w", text, err, artifact.ErrInvalid)
	}
	return c, nil
}

func parseCosigner(text string) (c cosigner, err error) {
	name, rest, _ := strings.Cut(text, "+")
	hash, key, ok := strings.Cut(rest, "+")
	if !ok || name == "" || strings.ContainsFunc(name, isSpaceOrControl) {
		return c, fmt.Errorf("it has no name, hash and key")
	}
	id, err := strconv.ParseUint(hash, 16, 32)
	if err != nil || len(hash) != 8 {
		return c, fmt.Errorf("the hash %.20q is not 8 hexadecimal digits", hash)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(key)
	if err != nil {
		return c, fmt.Errorf("the key is no base64")
	}
	if len(raw) != 1+ed25519.PublicKeySize || raw[0] != cosignatureV1 {
		return c, fmt.Errorf("the key is %d bytes, and is not of type %d", len(raw), cosignatureV1)
	}
	c = cosigner{name, uint32(id), ed25519.PublicKey(raw[1:])}
	if cosignerHash(name, c.key) != c.hash {
		return c, fmt.Errorf("the hash %s is not that of the name and the key", hash)
	}
	return c, nil
}

func isSpaceOrControl(r rune) bool {
	return r <= ' ' || r == 0x7f || r == 0x85 || r == 0xa0 || r == 0x2028 || r == '\ufffd'
}

// A Quorum says whose cosignatures a checkpoint needs. The zero Quorum needs none.
type Quorum struct {
	witnesses []note.Verifier
	least     int
}

// NewQuorum takes the keys of witnesses, of which least have to cosign; 0 means
// all. Errors wrap artifact.ErrInvalid.
func NewQuorum(keys []string, least int) (Quorum, error) {
	q := Quorum{least: least}
	known := map[string]bool{}
	for _, text := range keys {
		c, err := parseCosigner(text)
		if err != nil {
			_, err = NewCosigner(text)
			return q, err
		}
		if known[c.name] || known[string(c.key)] { // one witness under two names is one
			return q, fmt.Errorf("witness %s: given twice, by its name or its key: %w", c.name, artifact.ErrInvalid)
		}
		known[c.name], known[string(c.key)] = true, true
		q.witnesses = append(q.witnesses, c)
	}
	if least == 0 {
		q.least = len(keys)
	}
	if len(keys) == 0 && least != 0 {
		return q, fmt.Errorf("quorum %d of no witnesses: name them: %w", least, artifact.ErrInvalid)
	}
	if q.least < 0 || q.least > len(keys) {
		return q, fmt.Errorf("quorum %d of %d witnesses: expected 1 to %d: %w", least, len(keys), len(keys), artifact.ErrInvalid)
	}
	return q, nil
}

// A Cosignature is what a witness says of a checkpoint: at that time it extended
// everything that it had seen.
type Cosignature struct {
	Witness string    `json:"witness"`
	At      time.Time `json:"at"`
}

// Check gives the cosignatures of a checkpoint that by signed. Fewer than the
// quorum, or one that does not hold, is an error that wraps artifact.ErrUnverified.
func (q Quorum) Check(signed string, by note.Verifier) ([]Cosignature, error) {
	if len(q.witnesses) == 0 {
		return nil, nil
	}
	if _, err := OpenCheckpoint(signed, by); err != nil {
		return nil, err
	}
	n, err := note.Open([]byte(signed), note.VerifierList(q.witnesses...))
	var none *note.UnverifiedNoteError
	if errors.As(err, &none) {
		return nil, q.tooFew(nil)
	}
	if err != nil {
		return nil, fmt.Errorf("cosignature: %w: %w", err, artifact.ErrUnverified)
	}
	var out []Cosignature
	for _, s := range n.Sigs {
		raw, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil || len(raw) != 4+cosignatureSize {
			return nil, fmt.Errorf("cosignature of %s: %d bytes: %w", s.Name, len(raw), artifact.ErrUnverified)
		}
		out = append(out, Cosignature{s.Name, time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC()})
	}
	if len(out) < q.least {
		return out, q.tooFew(out)
	}
	return out, nil
}

// ErrNotCosigned says that a checkpoint lacks cosignatures; they may be on their way.
var ErrNotCosigned = fmt.Errorf("the checkpoint is not cosigned: %w", artifact.ErrUnverified)

func (q Quorum) tooFew(have []Cosignature) error {
	var names []string
	for _, w := range q.witnesses {
		names = append(names, w.Name())
	}
	return fmt.Errorf("%d of %s cosigned it, expected %d: %w", len(have), strings.Join(names, ", "), q.least, ErrNotCosigned)
}
