package signature

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	gcrname "github.com/google/go-containerregistry/pkg/name"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
	cosignbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	cosignremote "github.com/sigstore/cosign/v2/pkg/cosign/remote"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/dsse"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"github.com/sigstore/sigstore/pkg/signature/payload"
)

// SignOptions say what Sign signs, with which key, and where the signature goes.
type SignOptions struct {
	// Reference has a tag or, better, a digest.
	Reference string
	// Key is a cosign key file, or env://NAME.
	Key string
	// Password opens Key; nil takes it from COSIGN_PASSWORD.
	Password Password
	// Opened is used in place of Key and Password where it is set.
	Opened *Key
	// Format is policy.FormatBundle ("" too), policy.FormatCosignReferrer or
	// policy.FormatCosignTag, that is cosign 3's form and cosign 2's two.
	// Annotations without a Format mean FormatCosignReferrer.
	Format string
	// Annotations are signed with the digest; for the two cosign forms only.
	Annotations map[string]any
	Remote      Remote
}

// Signed is what Sign signed.
type Signed struct {
	Reference string        `json:"reference"` // by digest
	Digest    digest.Digest `json:"digest"`
	Format    string        `json:"format"`
	PublicKey string        `json:"public_key"` // PEM
	// Already: the key had done so in this form, and nothing was written.
	Already bool `json:"already,omitempty"`
}

// DefaultFormat is what Sign and Attest write where no form is asked for: a
// sigstore bundle that refers to its subject, so that whoever copies a version
// with its referrers has its signatures too.
const DefaultFormat = policy.FormatBundle

// signAttempts is how often the .sig tag is read, added to and written, where
// others add to it at the same time.
const signAttempts = 5

// Sign signs what a reference names and adds the signature to what is there
// already; one of the same key and form is not added twice. Errors wrap the
// kinds of artifact.
func Sign(ctx context.Context, o SignOptions) (Signed, error) {
	key, err := opened(ctx, o.Opened, o.Key, o.Password)
	if err != nil {
		return Signed{}, err
	}
	ref, err := o.Remote.resolve(ctx, o.Reference)
	if err != nil {
		return Signed{}, err
	}
	format := cmp.Or(o.Format, DefaultFormat)
	if o.Format == "" && len(o.Annotations) > 0 {
		format = policy.FormatCosignReferrer // a bundle has none
	}
	already := false
	switch format {
	case policy.FormatCosignTag:
		err = signTag(ctx, o, ref, key.signer)
	case policy.FormatCosignReferrer, policy.FormatBundle:
		already, err = signReferrer(ctx, o, ref, key.signer, format)
	default:
		err = fmt.Errorf("signature format %q: expected %s, %s or %s: %w", format,
			policy.FormatCosignTag, policy.FormatCosignReferrer, policy.FormatBundle, artifact.ErrInvalid)
	}
	if err != nil {
		return Signed{}, err
	}
	return Signed{ref.String(), digest.Digest(ref.DigestStr()), format, string(key.public), already}, nil
}

// signTag adds to the .sig tag.
func signTag(ctx context.Context, o SignOptions, ref gcrname.Digest, signer sigstore.SignerVerifier) error {
	signed, err := simpleSignature(ctx, ref, signer, o.Annotations)
	if err != nil {
		return err
	}
	opts := o.Remote.cosignOptions(ctx)
	for attempt := 1; ; attempt++ {
		entity, err := mutate.AttachSignatureToEntity(ociremote.SignedUnknown(ref, opts...), signed,
			mutate.WithDupeDetector(cosignremote.NewDupeDetector(signer)))
		if err != nil {
			return asKind(ref.String(), err)
		}
		err = asKindOrNil(ref.String(), ociremote.WriteSignatures(ref.Repository, entity, opts...))
		if err == nil || attempt == signAttempts || !errors.Is(err, artifact.ErrConflict) {
			return err
		}
	}
}

// signReferrer adds a referrer, unless the key has signed in this form already.
func signReferrer(ctx context.Context, o SignOptions, ref gcrname.Digest, signer sigstore.SignerVerifier, format string) (already bool, err error) {
	if len(o.Annotations) == 0 {
		if done, err := signedAlready(ctx, o, ref, signer, format); err != nil || done {
			return done, err
		}
	}
	if format == policy.FormatBundle {
		return false, signBundle(ctx, o, ref, signer)
	}
	signed, err := simpleSignature(ctx, ref, signer, o.Annotations)
	if err != nil {
		return false, err
	}
	return false, asKindOrNil(ref.String(), writeReferrer(ctx, o.Remote, ref, signed, artifact.TypeCosignSignature))
}

// judgeOfKey trusts the key of signer alone: what it has signed already, it finds.
func judgeOfKey(signer sigstore.SignerVerifier) (*Judge, error) {
	key, err := signer.PublicKey()
	if err != nil {
		return nil, err
	}
	self, err := trust.NewSigner("self", key)
	if err != nil {
		return nil, err
	}
	return New(Options{Trust: trust.Only(self), CacheSize: 1})
}

func signedAlready(ctx context.Context, o SignOptions, ref gcrname.Digest, signer sigstore.SignerVerifier, format string) (bool, error) {
	judge, err := judgeOfKey(signer)
	if err != nil {
		return false, err
	}
	subject := policy.Subject{Publisher: trust.Everyone, Digest: digest.Digest(ref.DigestStr())}
	sig, err := judge.Judge(ctx, subject, remoteReader{ref.Context(), o.Remote.options(ctx)})
	return slices.Contains(sig.Formats, format), err
}

func asKindOrNil(what string, err error) error {
	if err == nil {
		return nil
	}
	return asKind(what, err)
}

// simpleSignature signs the payload that names the digest.
func simpleSignature(ctx context.Context, ref gcrname.Digest, signer sigstore.Signer, annotations map[string]any) (oci.Signature, error) {
	content, err := payload.Cosign{Image: ref, Annotations: annotations}.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("%s: payload: %w", ref, err)
	}
	raw, err := signer.SignMessage(bytes.NewReader(content), options.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("%s: sign: %w", ref, err)
	}
	return static.NewSignature(content, base64.StdEncoding.EncodeToString(raw))
}

func signBundle(ctx context.Context, o SignOptions, ref gcrname.Digest, signer sigstore.SignerVerifier) error {
	if len(o.Annotations) > 0 {
		return fmt.Errorf("annotations: a sigstore bundle has none: %w", artifact.ErrInvalid)
	}
	raw, err := bundleOf(ctx, digest.Digest(ref.DigestStr()), signer)
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	err = ociremote.WriteAttestationNewBundleFormat(ref, raw, types.CosignSignPredicateType, o.Remote.cosignOptions(ctx)...)
	return asKindOrNil(ref.String(), err)
}

// bundleOf is the sigstore bundle v0.3 of a signature over d.
func bundleOf(ctx context.Context, d digest.Digest, signer sigstore.SignerVerifier) ([]byte, error) {
	statement := fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{%q:%q}}],"predicateType":%q,"predicate":{}}`,
		d.Algorithm(), d.Encoded(), types.CosignSignPredicateType)
	envelope, err := dsse.WrapSigner(signer, types.IntotoPayloadType).SignMessage(bytes.NewReader(statement), options.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	key, err := signer.PublicKey()
	if err != nil {
		return nil, err
	}
	return cosignbundle.MakeNewBundle(key, nil, statement, envelope, nil, nil)
}
