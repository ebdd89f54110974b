package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy/trust"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
)

// A ring is the signers of one namespace.
type ring struct {
	keys       []trustedKey
	identities []trustedIdentity
}

// trustedKey is one signer's key with a verifier for each way in which cosign
// signs with it.
type trustedKey struct {
	signer    trust.Signer
	verifiers []sigstore.Verifier
}

func newRing(ns *trust.Namespace) (ring, error) {
	var r ring
	for _, s := range ns.Signers {
		if s.Identity != nil {
			id, err := newIdentity(s)
			if err != nil {
				return r, fmt.Errorf("signer %q: %s: %w", s.Name, err, artifact.ErrInvalid)
			}
			r.identities = append(r.identities, id)
			continue
		}
		verifiers, err := verifiersOf(s.Key)
		if err != nil {
			return r, fmt.Errorf("signer %q: %s: %w", s.Name, err, artifact.ErrInvalid)
		}
		r.keys = append(r.keys, trustedKey{s, verifiers})
	}
	return r, nil
}

// verifiersOf gives the usual way first. cosign signs ECDSA with SHA-256 or
// with the hash of the curve's size, RSA with PKCS #1 v1.5 (key services also
// with PSS), and Ed25519 pure or, for key files, prehashed.
func verifiersOf(key crypto.PublicKey) ([]sigstore.Verifier, error) {
	var out []sigstore.Verifier
	var failed error
	add := func(v sigstore.Verifier, err error) {
		if err != nil {
			failed = err
			return
		}
		out = append(out, v)
	}
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		add(sigstore.LoadECDSAVerifier(k, crypto.SHA256))
		switch bits := k.Curve.Params().BitSize; {
		case bits > 384:
			add(sigstore.LoadECDSAVerifier(k, crypto.SHA512))
		case bits > 256:
			add(sigstore.LoadECDSAVerifier(k, crypto.SHA384))
		}
	case *rsa.PublicKey:
		add(sigstore.LoadRSAPKCS1v15Verifier(k, crypto.SHA256))
		add(sigstore.LoadRSAPSSVerifier(k, crypto.SHA256, nil))
	case ed25519.PublicKey:
		add(sigstore.LoadED25519Verifier(k))
		add(sigstore.LoadED25519phVerifier(k))
	default:
		return nil, fmt.Errorf("key of type %T", key)
	}
	return out, failed
}
