package signed

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
)

// A Pin is the root that a reader trusts from the beginning, given out of band.
// The zero Pin trusts nothing.
type Pin struct {
	digest digest.Digest
	raw    []byte // nil where only the digest is known
}

// PinRoot pins the bytes of a root. Errors wrap artifact.ErrInvalid.
func PinRoot(raw []byte) (Pin, error) {
	if _, err := parseRoot(raw); err != nil {
		return Pin{}, err
	}
	return Pin{digest: digestOf(raw), raw: raw}, nil
}

// ReadPin pins what text names: a file that holds a root, or the digest of one,
// such as sha256:…, whose bytes the artifact itself has.
func ReadPin(text string) (Pin, error) {
	if strings.HasPrefix(text, "sha256:") {
		d, err := digest.Parse(text)
		if err != nil {
			return Pin{}, fmt.Errorf("root %q: %s: %w", text, err, artifact.ErrInvalid)
		}
		return Pin{digest: d}, nil
	}
	raw, err := bounded.ReadFile(text, bounded.Document)
	if err != nil {
		return Pin{}, fmt.Errorf("root: %w", err)
	}
	pin, err := PinRoot(raw)
	if err != nil {
		return Pin{}, fmt.Errorf("%s: expected a root as \"oarlock catalog root show --export FILE\" writes it: %w", text, err)
	}
	return pin, nil
}

// Digest is of the pinned root.
func (p Pin) Digest() digest.Digest { return p.digest }

// Root says of a root what people compare.
func (p Pin) String() string { return p.digest.String() }
