package signed

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/oarlock/oarlock/artifact"
)

// onlineRoles are signed by the server for each publication.
var onlineRoles = []string{metadata.TARGETS, metadata.SNAPSHOT, metadata.TIMESTAMP}

// readMetadata reads TUF metadata into what is empty, and refuses JSON that
// another client may read otherwise.
func readMetadata[T metadata.Roles](raw []byte, into *metadata.Metadata[T]) (*metadata.Metadata[T], error) {
	if err := artifact.CheckStrict(raw, into); err != nil {
		return nil, err
	}
	return into.FromBytes(raw)
}

// parseRoot reads a root, and refuses what go-tuf would stumble over. Whether
// it is signed is not looked at. Errors wrap artifact.ErrInvalid.
func parseRoot(raw []byte) (*metadata.Metadata[metadata.RootType], error) {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("root: %s: %w", fmt.Sprintf(format, args...), artifact.ErrInvalid)
	}
	if len(raw) > maxRoot {
		return nil, invalid("%d bytes, expected at most %d", len(raw), maxRoot)
	}
	m, err := readMetadata(raw, metadata.Root())
	if err != nil {
		return nil, invalid("%s", err)
	}
	for _, role := range metadata.TOP_LEVEL_ROLE_NAMES {
		if m.Signed.Roles[role] == nil {
			return nil, invalid("no role %q", role)
		}
	}
	for id, k := range m.Signed.Keys {
		if k == nil {
			return nil, invalid("key %.80q is null", id)
		}
		public, err := k.ToPublicKey()
		if err != nil {
			return nil, invalid("key %.80q: %s", id, err)
		}
		if ed, is := public.(ed25519.PublicKey); is && len(ed) != ed25519.PublicKeySize {
			return nil, invalid("key %.80q: %d bytes, expected %d", id, len(ed), ed25519.PublicKeySize)
		}
	}
	if m.Signed.Version < 1 || m.Signed.Version > maxRoots {
		return nil, invalid("version %d, expected 1 to %d", m.Signed.Version, maxRoots)
	}
	return m, nil
}

func hashesOf(encoded string) metadata.Hashes {
	var h metadata.HexBytes
	_ = h.UnmarshalJSON([]byte(`"` + encoded + `"`)) // the text of a digest that is valid
	return metadata.Hashes{"sha256": h}
}

// seal signs m and gives its bytes.
func seal[T metadata.Roles](m *metadata.Metadata[T], signers []signature.Signer) ([]byte, error) {
	m.ClearSignatures()
	for _, s := range signers {
		if _, err := m.Sign(s); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
	}
	return m.ToBytes(false)
}

// expiry is when something that is signed now ends; TUF counts whole seconds.
func expiry(now time.Time, lifetime time.Duration) time.Time {
	return now.Add(lifetime).UTC().Truncate(time.Second)
}
