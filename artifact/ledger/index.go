package ledger

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// TypeLedger is the artifactType of a ledger's index.
const TypeLedger = "application/vnd.oarlock.ledger.v1"

// MaxStatements is how many statements one ledger holds. An entry takes 216
// bytes of the index, and registries take manifests of 4 MiB
// (artifact.MaxManifest), so this many take 3.4 MiB of them. Each append writes
// the index anew: at 1,000 statements that is 0.2 MiB.
const MaxStatements = 1 << 14

// A List is the index of a ledger: its statements in order.
type List struct {
	// Digest is that of the index.
	Digest     digest.Digest
	Statements []ocispec.Descriptor
}

// ParseList reads the index of a ledger. It looks at the list alone: what the
// statements say is for others. Errors wrap artifact.ErrInvalid.
func ParseList(mediaType string, content []byte) (*List, error) {
	m, err := artifact.ParseManifest(mediaType, content)
	if err != nil {
		return nil, badList("%s", unkind(err))
	}
	if !m.IsIndex() {
		return nil, badList("media type %q, expected %q", m.Descriptor.MediaType, ocispec.MediaTypeImageIndex)
	}
	if n := len(m.Children); n == 0 || n > MaxStatements {
		return nil, badList("%d statements, expected 1 to %d", n, MaxStatements)
	}
	seen := make(map[digest.Digest]int, len(m.Children))
	for i, d := range m.Children {
		before, twice := seen[d.Digest]
		switch {
		case d.MediaType != ocispec.MediaTypeImageManifest:
			return nil, badList("statement %d: media type %.100q, expected %q", i+1, d.MediaType, ocispec.MediaTypeImageManifest)
		case !isSHA256(d.Digest):
			return nil, badList("statement %d: digest %.100q, expected sha256", i+1, string(d.Digest))
		case twice:
			return nil, badList("statement %d is the same as statement %d, %s", i+1, before, d.Digest)
		}
		seen[d.Digest] = i + 1
	}
	return &List{m.Descriptor.Digest, m.Children}, nil
}

// BuildList is the index of a ledger with these statements, the same bytes for
// the same statements. More than MaxStatements are an error that wraps
// artifact.ErrConflict: the ledger is full.
func BuildList(statements []ocispec.Descriptor) ([]byte, error) {
	if len(statements) > MaxStatements {
		return nil, fmt.Errorf("ledger: it holds %d statements and can hold no more: %w", MaxStatements, artifact.ErrConflict)
	}
	raw, err := json.Marshal(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		ArtifactType: TypeLedger, Manifests: statements})
	if err == nil && len(raw) > artifact.MaxManifest {
		err = fmt.Errorf("ledger: its index would have %d bytes, and registries take %d: %w", len(raw), artifact.MaxManifest, artifact.ErrConflict)
	}
	return raw, err
}

// Head is the last statement of l.
func (l *List) Head() Head {
	if l == nil || len(l.Statements) == 0 {
		return Head{}
	}
	return Head{len(l.Statements), l.Statements[len(l.Statements)-1].Digest}
}

func badList(format string, args ...any) error {
	return fmt.Errorf("ledger: "+format+": %w", append(args, artifact.ErrInvalid)...)
}

// unkind is the text of err without the kind at its end.
func unkind(err error) string {
	text, kind := err.Error(), ": "+artifact.ErrInvalid.Error()
	if errors.Is(err, artifact.ErrInvalid) && len(text) > len(kind) && text[len(text)-len(kind):] == kind {
		return text[:len(text)-len(kind)]
	}
	return text
}
