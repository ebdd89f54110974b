package publog

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/note"
)

// A key signs checkpoints of one origin, and salts leaves.
type key struct {
	signer   note.Signer
	verifier note.Verifier
	text     string // of the verifier
	salt     []byte
	seal     []byte // encrypts events in the registry
	proved   []byte // vouches for what proofs of other logs proved
}

// newKey derives the key of a log from the secret of a site, so that replicas
// and restarts agree on it and nothing more has to be kept.
func newKey(secret []byte, origin string) (*key, error) {
	seed, err := hkdf.Key(sha256.New, secret, nil, "oarlock publication log 1 signer", ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("key of the log: %w", err)
	}
	salt, err := hkdf.Key(sha256.New, secret, nil, "oarlock publication log 1 salt", 32)
	if err != nil {
		return nil, fmt.Errorf("key of the log: %w", err)
	}
	seal, err := hkdf.Key(sha256.New, secret, nil, "oarlock publication log 1 events", 32)
	if err != nil {
		return nil, fmt.Errorf("key of the log: %w", err)
	}
	proved, err := hkdf.Key(sha256.New, secret, nil, "oarlock publication log 1 proved elsewhere", 32)
	if err != nil {
		return nil, fmt.Errorf("key of the log: %w", err)
	}
	k := &key{salt: salt, seal: seal, proved: proved}
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	if k.text, err = note.NewEd25519VerifierKey(origin, public); err != nil {
		return nil, fmt.Errorf("key of the log %q: %w", origin, err)
	}
	if k.verifier, err = note.NewVerifier(k.text); err != nil {
		return nil, fmt.Errorf("key of the log %q: %w", origin, err)
	}
	hash := strconv.FormatUint(uint64(k.verifier.KeyHash()), 16)
	for len(hash) < 8 {
		hash = "0" + hash
	}
	const ed25519Algorithm = 1
	k.signer, err = note.NewSigner("PRIVATE+KEY+" + origin + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{ed25519Algorithm}, seed...)))
	if err != nil {
		return nil, fmt.Errorf("key of the log %q: it cannot sign", origin) // and its text stays here
	}
	return k, nil
}

func (k *key) saltOf(event []byte) []byte {
	h := hmac.New(sha256.New, k.salt)
	h.Write(event)
	return h.Sum(nil)
}

// vouch is what this site alone can write beside what a proof of another log proved.
func (k *key) vouch(p ProvedTime) []byte {
	h := hmac.New(sha256.New, k.proved)
	fmt.Fprintf(h, "%q %q %q %d", p.Plugin, p.Digest, p.Log, p.At.UnixMicro())
	return h.Sum(nil)
}

// leaf is that of an event.
func (k *key) leaf(e Event) (Leaf, error) {
	raw, err := e.canonical()
	if err != nil {
		return Leaf{}, err
	}
	return Leaf{Key: e.Key(), Event: raw, Entry: entryOf(k.saltOf(raw), raw)}, nil
}

// holds reports whether a leaf is what its event makes it.
func (k *key) holds(l Leaf) bool {
	e, err := ReadEvent(l.Event)
	return err == nil && (l.Key == e.Key() || l.Key == k.onceMore(l.Number, e.Key())) && l.Entry == entryOf(k.saltOf(l.Event), l.Event)
}

// onceMore is the key of a leaf whose event an earlier leaf has too, by the key of that: its
// row was taken from the database, so that the event was written once more before the log
// was recovered. The first counts, and nobody asks for this one by its event. This site
// alone can make it: a row that somebody else edited is none.
func (k *key) onceMore(number int64, of LeafKey) LeafKey {
	h := hmac.New(sha256.New, k.salt)
	fmt.Fprintf(h, "leaf %d once more, of %x", number, of[:])
	return LeafKey(h.Sum(nil)[:16])
}

// held says whether leaves follow one another from a number on, each what its event
// makes it. Errors wrap ErrBroken.
func (k *key) held(leaves []Leaf, from int64) error {
	for i, one := range leaves {
		switch n := from + int64(i); {
		case one.Number != n:
			return fmt.Errorf("%w: leaf %d is gone from the database", ErrBroken, n)
		case !k.holds(one):
			return fmt.Errorf("%w: leaf %d in the database is not what was written: its row was changed", ErrBroken, n)
		}
	}
	return nil
}
