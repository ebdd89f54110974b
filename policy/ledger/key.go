package ledger

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	sigstore "github.com/sigstore/sigstore/pkg/signature"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy/trust"
)

// A Signer signs statements with one private key.
type Signer struct {
	id     digest.Digest
	public crypto.PublicKey
	key    sigstore.Signer
}

// NewSigner signs with a key of the types that trust.ParseKey takes. Errors
// wrap artifact.ErrInvalid.
func NewSigner(key crypto.Signer) (*Signer, error) {
	as, err := trust.NewSigner("key", key.Public())
	if err != nil {
		return nil, err
	}
	s, err := sigstore.LoadSigner(key, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("key: %s: %w", err, artifact.ErrInvalid)
	}
	return &Signer{as.ID, key.Public(), s}, nil
}

// ID is the digest of the public key's PKIX form.
func (s *Signer) ID() digest.Digest { return s.id }

// Public is the public key.
func (s *Signer) Public() crypto.PublicKey { return s.public }

// KeyID implements dsse.Signer.
func (s *Signer) KeyID() (string, error) { return s.id.String(), nil }

// Sign implements dsse.Signer.
func (s *Signer) Sign(_ context.Context, data []byte) ([]byte, error) {
	return s.key.SignMessage(bytes.NewReader(data))
}

// Envelope signs a statement.
func (s *Signer) Envelope(ctx context.Context, st *format.Statement) ([]byte, error) {
	payload, err := st.Payload()
	if err != nil {
		return nil, err
	}
	signer, err := dsse.NewEnvelopeSigner(s)
	if err != nil {
		return nil, err
	}
	e, err := signer.SignPayload(ctx, format.PayloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return json.Marshal(e)
}

// verifier is one public key, as dsse asks for it.
type verifier struct {
	id       string
	name     string
	public   crypto.PublicKey
	verifier sigstore.Verifier
}

func newVerifier(s trust.Signer) (verifier, error) {
	v, err := sigstore.LoadVerifier(s.Key, crypto.SHA256)
	if err != nil {
		return verifier{}, fmt.Errorf("key %q: %s: %w", s.Name, err, artifact.ErrInvalid)
	}
	return verifier{s.ID.String(), s.Name, s.Key, v}, nil
}

func (v verifier) Verify(_ context.Context, data, sig []byte) error {
	return v.verifier.VerifySignature(bytes.NewReader(sig), bytes.NewReader(data))
}

func (v verifier) KeyID() (string, error)   { return v.id, nil }
func (v verifier) Public() crypto.PublicKey { return v.public }

// SignedBy is the first of signers that signed the statement in an envelope. What
// the statement says, and whether they might, is not looked at. Errors wrap
// artifact.ErrUnverified where none did.
func SignedBy(ctx context.Context, e *format.Envelope, signers []trust.Signer) (trust.Signer, error) {
	keys := make([]verifier, len(signers))
	for i, s := range signers {
		var err error
		if keys[i], err = newVerifier(s); err != nil {
			return trust.Signer{}, err
		}
	}
	id, err := signedBy(ctx, e, keys)
	for _, s := range signers {
		if err == nil && s.ID == id {
			return s, nil
		}
	}
	return trust.Signer{}, err
}

// signedBy is the first of keys that made a signature of e; an error says why
// there is none.
func signedBy(ctx context.Context, e *format.Envelope, keys []verifier) (digest.Digest, error) {
	if len(keys) == 0 {
		return "", fmt.Errorf("no platform is trusted here: %w", artifact.ErrUnverified)
	}
	envelope := &dsse.Envelope{PayloadType: format.PayloadType, Payload: base64.StdEncoding.EncodeToString(e.Payload)}
	for _, s := range e.Signatures {
		envelope.Signatures = append(envelope.Signatures, dsse.Signature{KeyID: s.KeyID, Sig: base64.StdEncoding.EncodeToString(s.Sig)})
	}
	all := make([]dsse.Verifier, len(keys))
	for i, k := range keys {
		all[i] = k
	}
	verify, err := dsse.NewEnvelopeVerifier(all...)
	if err != nil {
		return "", err
	}
	accepted, err := verify.Verify(ctx, envelope)
	if err == nil {
		for _, k := range keys { // in the order of keys, whatever the envelope's
			for _, a := range accepted {
				if a.KeyID == k.id {
					return digest.Digest(k.id), nil
				}
			}
		}
	}
	for _, s := range e.Signatures {
		for _, k := range keys {
			if s.KeyID == k.id {
				return "", fmt.Errorf("the signature that says that it is by %q (%s) does not hold: %w", k.name, k.id, artifact.ErrUnverified)
			}
		}
	}
	return "", fmt.Errorf("signed by %.100q, and no key that counts here made the signature: %w", e.Signatures[0].KeyID, artifact.ErrUnverified)
}
