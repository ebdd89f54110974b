package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
)

// ParseKey reads one public key in PEM, as `cosign generate-key-pair`, openssl
// and `cosign public-key` write it: ECDSA P-256, P-384 or P-521, Ed25519, or
// RSA of 2048 to 8192 bits. Errors wrap artifact.ErrInvalid.
func ParseKey(text []byte) (crypto.PublicKey, error) {
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("public key: no PEM block, expected -----BEGIN PUBLIC KEY-----: %w", artifact.ErrInvalid)
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, fmt.Errorf("public key: more than one PEM block, expected one key for each signer: %w", artifact.ErrInvalid)
	}
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return nil, fmt.Errorf("public key: PEM block %q, expected \"PUBLIC KEY\": %w", block.Type, artifact.ErrInvalid)
	}
	if err != nil {
		return nil, fmt.Errorf("public key: %s: %w", err, artifact.ErrInvalid)
	}
	return key, checkKey(key)
}

func checkKey(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() && k.Curve != elliptic.P521() {
			return fmt.Errorf("public key: curve %s, expected P-256, P-384 or P-521: %w", k.Curve.Params().Name, artifact.ErrInvalid)
		}
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < 2048 || n > 8192 {
			return fmt.Errorf("public key: RSA of %d bits, expected 2048 to 8192: %w", n, artifact.ErrInvalid)
		}
	case ed25519.PublicKey:
	default:
		return fmt.Errorf("public key: %T, expected ECDSA, Ed25519 or RSA: %w", key, artifact.ErrInvalid)
	}
	return nil
}

// NewSigner is a signer with a key that is already read. Errors wrap artifact.ErrInvalid.
func NewSigner(name string, key crypto.PublicKey) (Signer, error) {
	if err := checkName(name); err != nil {
		return Signer{}, err
	}
	if err := checkKey(key); err != nil {
		return Signer{}, fmt.Errorf("signer %q: %w", name, err)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return Signer{}, fmt.Errorf("signer %q: %s: %w", name, err, artifact.ErrInvalid)
	}
	return Signer{Name: name, Key: key, ID: digest.FromBytes(der)}, nil
}

func checkName(name string) error {
	if name == "" || len(name) > 128 {
		return fmt.Errorf("signer: name %.140q: expected 1 to 128 bytes: %w", name, artifact.ErrInvalid)
	}
	return nil
}

// Only is the policy that trusts the given signers in every namespace and
// requires one of them: what `verify --key` asks for.
func Only(signers ...Signer) *Policy {
	ns := &Namespace{Name: Everyone, Threshold: 1, Signers: signers}
	ns.seal(nil)
	return &Policy{namespaces: map[string]*Namespace{Everyone: ns}}
}
