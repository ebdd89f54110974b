package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// What a statement's payload says that it is.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://oarlock.dev/ledger/statement/v1"
	PayloadType   = "application/vnd.in-toto+json"
)

// Limits of one statement, so that a ledger can always be read whole.
const (
	MaxPayload = 128 << 10
	MaxBody    = 64 << 10
	maxKind    = 64
	maxText    = 256
)

// A Kind says what a statement changes, such as "publisher.claimed". New ones
// may be added at any time: a reader passes over what it does not know.
type Kind string

// Check holds k to its grammar: lower case words of letters, digits and "-",
// joined by single dots, at most 64 bytes. Errors wrap artifact.ErrInvalid.
func (k Kind) Check() error {
	ok := len(k) <= maxKind && strings.Contains(string(k), ".")
	for word := range strings.SplitSeq(string(k), ".") {
		ok = ok && word != "" && word[0] >= 'a' && word[0] <= 'z' && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	}
	if !ok {
		return invalid("kind %.80q: expected lower case words joined by dots, such as publisher.claimed", string(k))
	}
	return nil
}

// A Statement is one entry of a ledger, as it is signed.
type Statement struct {
	Ledger   Ref
	Kind     Kind
	Sequence int           // from 1
	Previous digest.Digest // of the statement manifest before it; "" for the first
	// ID is unique in the ledger, so that what was appended once is not
	// appended again.
	ID   string
	Time time.Time // UTC, never before that of the statement before
	// Actor is who did it, as the site names them, and Role in what right.
	Actor, Role string
	// Subject is the artifact that it is about, or Ref.Subject.
	Subject digest.Digest
	// Body is a JSON object; what is in it depends on Kind.
	Body json.RawMessage
}

type payload struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type predicate struct {
	Kind     Kind            `json:"kind"`
	Sequence int             `json:"sequence"`
	Previous digest.Digest   `json:"previous,omitempty"`
	ID       string          `json:"id"`
	Time     time.Time       `json:"time"`
	Actor    string          `json:"actor"`
	Role     string          `json:"role"`
	Body     json.RawMessage `json:"body"`
}

// Payload writes s as an in-toto statement. Errors wrap artifact.ErrInvalid.
func (s *Statement) Payload() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if err := json.Compact(&body, s.Body); err != nil {
		return nil, invalid("body: %s", err)
	}
	raw, err := json.Marshal(payload{
		Type: StatementType, PredicateType: PredicateType,
		Subject: []subject{{s.Ledger.String(), map[string]string{s.Subject.Algorithm().String(): s.Subject.Encoded()}}},
		Predicate: predicate{Kind: s.Kind, Sequence: s.Sequence, Previous: s.Previous, ID: s.ID, Time: s.Time.UTC(),
			Actor: s.Actor, Role: s.Role, Body: body.Bytes()},
	})
	if err == nil && len(raw) > MaxPayload {
		err = invalid("%d bytes, expected at most %d", len(raw), MaxPayload)
	}
	return raw, err
}

// ParseStatement reads the payload of an envelope. Errors wrap artifact.ErrInvalid.
func ParseStatement(raw []byte) (*Statement, error) {
	if len(raw) > MaxPayload {
		return nil, invalid("%d bytes, expected at most %d", len(raw), MaxPayload)
	}
	var p payload
	if err := artifact.UnmarshalStrict(raw, &p); err != nil {
		return nil, invalid("%s", err)
	}
	switch {
	case p.Type != StatementType:
		return nil, invalid("_type %.100q, expected %q", p.Type, StatementType)
	case p.PredicateType != PredicateType:
		return nil, invalid("predicateType %.100q, expected %q", p.PredicateType, PredicateType)
	case len(p.Subject) != 1 || len(p.Subject[0].Digest) != 1:
		return nil, invalid("expected one subject with one digest")
	}
	ref, err := ParseRef(p.Subject[0].Name)
	if err != nil || ref.String() != p.Subject[0].Name {
		return nil, invalid("subject %.200q is no ledger", p.Subject[0].Name)
	}
	s := &Statement{Ledger: ref, Kind: p.Predicate.Kind, Sequence: p.Predicate.Sequence, Previous: p.Predicate.Previous, ID: p.Predicate.ID,
		Time: p.Predicate.Time.UTC(), Actor: p.Predicate.Actor, Role: p.Predicate.Role, Body: p.Predicate.Body}
	for algorithm, hex := range p.Subject[0].Digest {
		s.Subject = digest.Digest(algorithm + ":" + hex)
	}
	return s, s.check()
}

func (s *Statement) check() error {
	if err := s.Kind.Check(); err != nil {
		return err
	}
	switch {
	case s.Ledger.IsZero():
		return invalid("no ledger")
	case s.Sequence < 1 || s.Sequence > MaxStatements:
		return invalid("sequence %d, expected 1 to %d", s.Sequence, MaxStatements)
	case (s.Sequence == 1) != (s.Previous == ""):
		return invalid("sequence %d with previous %.100q: the first statement has none, every other one", s.Sequence, string(s.Previous))
	case s.Previous != "" && !isSHA256(s.Previous):
		return invalid("previous %.100q, expected a sha256 digest", string(s.Previous))
	case !isSHA256(s.Subject):
		return invalid("subject digest %.100q, expected a sha256 digest", string(s.Subject))
	case !isText(s.ID) || !isText(s.Actor) || !isText(s.Role):
		return invalid("id %.80q, actor %.80q, role %.80q: expected 1 to %d bytes of printable UTF-8 each", s.ID, s.Actor, s.Role, maxText)
	case s.Time.IsZero() || s.Time.Year() < 2000 || s.Time.Year() > 9999:
		return invalid("time %s", s.Time)
	case len(s.Body) > MaxBody:
		return invalid("body of %d bytes, expected at most %d", len(s.Body), MaxBody)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(s.Body, &object); err != nil || object == nil {
		return invalid("body: expected a JSON object")
	}
	return nil
}

func isSHA256(d digest.Digest) bool {
	return d.Validate() == nil && d.Algorithm() == digest.SHA256
}

func isText(s string) bool {
	return s != "" && len(s) <= maxText && utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("statement: "+format+": %w", append(args, artifact.ErrInvalid)...)
}
