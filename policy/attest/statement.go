package attest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
)

// The types of in-toto statements.
const (
	StatementV01 = "https://in-toto.io/Statement/v0.1"
	StatementV1  = "https://in-toto.io/Statement/v1"
)

// maxSubjects is how many subjects of a statement are told in a finding.
const maxSubjects = 3

// A statement is an in-toto statement as it is signed.
type statement struct {
	Type          string          `json:"_type"`
	PredicateType string          `json:"predicateType"`
	Subject       []subject       `json:"subject"`
	Predicate     json.RawMessage `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// parse reads a statement. Errors wrap artifact.ErrInvalid.
func parse(payload []byte) (*statement, error) {
	invalid := func(format string, args ...any) (*statement, error) {
		return nil, fmt.Errorf("statement: %s: %w", fmt.Sprintf(format, args...), artifact.ErrInvalid)
	}
	var s statement
	if err := artifact.UnmarshalStrict(payload, &s); err != nil {
		return invalid("%s", err)
	}
	switch {
	case s.Type != StatementV01 && s.Type != StatementV1:
		return invalid("_type %.100q, expected %q or %q", s.Type, StatementV01, StatementV1)
	case s.PredicateType == "":
		return invalid("no predicateType")
	case len(s.PredicateType) > 512:
		return invalid("predicateType of %d bytes, expected at most 512", len(s.PredicateType))
	case len(s.Subject) == 0:
		return invalid("no subject")
	}
	return &s, nil
}

// isAbout reports whether d is among the subjects.
func (s *statement) isAbout(d digest.Digest) bool {
	for _, one := range s.Subject {
		if one.Digest[d.Algorithm().String()] == d.Encoded() {
			return true
		}
	}
	return false
}

// subjects says what the statement is about.
func (s *statement) subjects() string {
	var out []string
	for i, one := range s.Subject {
		if i == maxSubjects {
			out = append(out, fmt.Sprintf("and %d more", len(s.Subject)-i))
			break
		}
		out = append(out, fmt.Sprintf("sha256:%.64s", one.Digest["sha256"]))
	}
	return strings.Join(out, ", ")
}
