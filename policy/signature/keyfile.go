package signature

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
)

// PasswordVariable is the environment variable from which keys take their
// password, the same as cosign's.
const PasswordVariable = "COSIGN_PASSWORD"

// A Password gives the password of a key file; confirm asks to type it twice,
// for a new one.
type Password func(confirm bool) ([]byte, error)

// EnvPassword takes the password from PasswordVariable, and asks otherwise
// where the variable is not set at all; otherwise may be nil.
func EnvPassword(otherwise Password) Password {
	return func(confirm bool) ([]byte, error) {
		if text, ok := os.LookupEnv(PasswordVariable); ok {
			return []byte(text), nil
		}
		if otherwise == nil {
			return nil, fmt.Errorf("key password: set %s: %w", PasswordVariable, artifact.ErrDenied)
		}
		return otherwise(confirm)
	}
}

// A KeyPair is a new key in cosign's form: `cosign sign --key` takes Private,
// `cosign verify --key` and trust policies take Public. Both are PEM.
type KeyPair struct{ Private, Public []byte }

// GenerateKeyPair makes an ECDSA P-256 key whose private half is encrypted
// with the password.
func GenerateKeyPair(password Password) (KeyPair, error) {
	pair, err := cosign.GenerateKeyPair(cosign.PassFunc(password))
	if err != nil {
		return KeyPair{}, fmt.Errorf("key pair: %w", err)
	}
	return KeyPair{pair.PrivateBytes, pair.PublicBytes}, nil
}

// A Key is an open private key: opening is slow by design, signing is not, so
// whoever signs much opens it once. It is safe for concurrent use.
type Key struct {
	ref    string
	signer sigstore.SignerVerifier
	public []byte
}

// OpenKey opens what SignOptions.Key names; password may be nil, as there.
// Errors wrap artifact.ErrNotFound for no such key, and artifact.ErrInvalid for
// what is no key or has another password.
func OpenKey(ctx context.Context, ref string, password Password) (*Key, error) {
	signer, err := loadSigner(ctx, ref, password)
	if err != nil {
		return nil, err
	}
	public, err := publicPEM(signer)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", ref, err)
	}
	return &Key{ref, signer, public}, nil
}

// PublicKey is the public half in PEM, as trust policies take it.
func (k *Key) PublicKey() []byte { return bytes.Clone(k.public) }

// opened is k, or what ref names.
func opened(ctx context.Context, k *Key, ref string, password Password) (*Key, error) {
	if k != nil {
		return k, nil
	}
	return OpenKey(ctx, ref, password)
}

// loadSigner reads a private key from a file, from a variable with
// "env://NAME", or from where a provider keeps it. Errors wrap artifact.ErrNotFound for no such file or variable,
// and artifact.ErrInvalid for what is no key or has another password.
func loadSigner(ctx context.Context, ref string, password Password) (sigstore.SignerVerifier, error) {
	if signer, elsewhere, err := provided(context.Background(), ref); elsewhere {
		return signer, err
	}
	text, err := readKey(ctx, ref)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("key %q: no PEM block: %w", ref, artifact.ErrInvalid)
	}
	if block.Type != cosign.CosignPrivateKeyPemType && block.Type != cosign.SigstorePrivateKeyPemType {
		return nil, fmt.Errorf("key %q: PEM block %q, expected %q, as cosign generate-key-pair and cosign import-key-pair write it: %w",
			ref, block.Type, cosign.SigstorePrivateKeyPemType, artifact.ErrInvalid)
	}
	if password == nil {
		password = EnvPassword(nil)
	}
	secret, err := password(false)
	if err != nil {
		return nil, err
	}
	der, err := encrypted.Decrypt(block.Bytes, secret)
	if err != nil {
		return nil, fmt.Errorf("key %q: wrong password, or a damaged file: %w", ref, artifact.ErrInvalid)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("key %q: %s: %w", ref, err, artifact.ErrInvalid)
	}
	// SHA-256 whatever the curve, and pure Ed25519: what `cosign verify --key` expects.
	signer, err := sigstore.LoadSignerVerifier(key, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("key %q: %s: %w", ref, err, artifact.ErrInvalid)
	}
	return signer, nil
}

func readKey(ctx context.Context, ref string) ([]byte, error) {
	if variable, ok := strings.CutPrefix(ref, "env://"); ok {
		text, set := os.LookupEnv(variable)
		if !set {
			return nil, fmt.Errorf("key %q: the variable is not set: %w", ref, artifact.ErrNotFound)
		}
		return []byte(text), nil
	}
	if strings.Contains(ref, "://") {
		return nil, fmt.Errorf("key %q: expected a file, env://NAME or one of %s: %w", ref, strings.Join(schemes(), ", "), artifact.ErrInvalid)
	}
	text, err := bounded.ReadArgument(ctx, ref, bounded.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("key %q: no such file: %w", ref, artifact.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return text, nil
}

// publicPEM is the public half of a signer.
func publicPEM(signer sigstore.SignerVerifier) ([]byte, error) {
	key, err := signer.PublicKey()
	if err != nil {
		return nil, err
	}
	return cryptoutils.MarshalPublicKeyToPEM(key)
}
