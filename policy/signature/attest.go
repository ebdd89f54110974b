package signature

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	gcrname "github.com/google/go-containerregistry/pkg/name"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
	cosignbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/dsse"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// AttestOptions say what Attest says about what, with which key, and where
// the attestation goes.
type AttestOptions struct {
	// Reference has a tag or, better, a digest.
	Reference string
	// Key is a cosign key file, or env://NAME.
	Key string
	// Password opens Key; nil takes it from COSIGN_PASSWORD.
	Password Password
	// Opened is used in place of Key and Password where it is set.
	Opened *Key
	// Format is policy.FormatBundle ("" too), policy.FormatCosignReferrer or
	// policy.FormatCosignTag.
	Format string
	// PredicateType is a URI, Predicate a JSON object; it is signed as it is,
	// whatever it says.
	PredicateType string
	Predicate     []byte
	Remote        Remote
}

// Attested is what Attest attested.
type Attested struct {
	Signed
	PredicateType string `json:"predicate_type"`
}

// Attest signs a statement about what a reference names and adds it to what
// is there already; the same statement by the same key and in the same form is
// not added twice. Errors wrap the kinds of artifact.
func Attest(ctx context.Context, o AttestOptions) (Attested, error) {
	key, err := opened(ctx, o.Opened, o.Key, o.Password)
	if err != nil {
		return Attested{}, err
	}
	ref, err := o.Remote.resolve(ctx, o.Reference)
	if err != nil {
		return Attested{}, err
	}
	o.Format = cmp.Or(o.Format, DefaultFormat)
	payload, err := statementOf(ref, o.PredicateType, o.Predicate)
	if err != nil {
		return Attested{}, err
	}
	done, err := attestedAlready(ctx, o, ref, key.signer, payload)
	if err == nil && !done {
		err = attest(ctx, o, ref, key.signer, payload)
	}
	if err != nil {
		return Attested{}, err
	}
	return Attested{Signed{ref.String(), digest.Digest(ref.DigestStr()), o.Format, string(key.public), done}, o.PredicateType}, nil
}

// statementOf is the statement that cosign makes of a predicate.
func statementOf(ref gcrname.Digest, predicateType string, predicate []byte) ([]byte, error) {
	var object map[string]json.RawMessage
	err := artifact.UnmarshalStrict(predicate, &object)
	if several := (*artifact.ProblemsError)(nil); errors.As(err, &several) {
		return nil, fmt.Errorf("predicate: %w", err)
	}
	if err != nil || object == nil {
		return nil, fmt.Errorf("predicate: expected a JSON object: %w", artifact.ErrInvalid)
	}
	d := digest.Digest(ref.DigestStr())
	raw, err := json.Marshal(map[string]any{
		"_type": "https://in-toto.io/Statement/v0.1", "predicateType": predicateType, "predicate": json.RawMessage(predicate),
		"subject": []any{map[string]any{"name": ref.Repository.String(), "digest": map[string]string{d.Algorithm().String(): d.Encoded()}}},
	})
	if err == nil && len(raw) > MaxEnvelope/2 {
		err = fmt.Errorf("predicate: the statement has %d bytes, expected at most %d: %w", len(raw), MaxEnvelope/2, artifact.ErrInvalid)
	}
	return raw, err
}

// attestedAlready reports whether the key has signed this statement in this form.
func attestedAlready(ctx context.Context, o AttestOptions, ref gcrname.Digest, signer sigstore.SignerVerifier, payload []byte) (bool, error) {
	judge, err := judgeOfKey(signer)
	if err != nil {
		return false, err
	}
	subject := policy.Subject{Publisher: trust.Everyone, Digest: digest.Digest(ref.DigestStr())}
	for p := range judge.Statements(ctx, subject, remoteReader{ref.Context(), o.Remote.options(ctx)}).Each {
		if s, _ := p.Read(); s.Signer != "" && s.Format == o.Format && bytes.Equal(s.Payload, payload) {
			return true, nil
		}
	}
	return false, ctx.Err()
}

func attest(ctx context.Context, o AttestOptions, ref gcrname.Digest, signer sigstore.SignerVerifier, payload []byte) error {
	envelope, err := dsse.WrapSigner(signer, types.IntotoPayloadType).SignMessage(bytes.NewReader(payload), options.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("%s: sign: %w", ref, err)
	}
	opts := o.Remote.cosignOptions(ctx)
	if o.Format == policy.FormatBundle {
		key, err := signer.PublicKey()
		if err != nil {
			return err
		}
		raw, err := cosignbundle.MakeNewBundle(key, nil, payload, envelope, nil, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
		return asKindOrNil(ref.String(), ociremote.WriteAttestationNewBundleFormat(ref, raw, o.PredicateType, opts...))
	}
	signed, err := static.NewAttestation(envelope, static.WithLayerMediaType(types.DssePayloadType),
		static.WithAnnotations(map[string]string{"predicateType": o.PredicateType}))
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	switch o.Format {
	case policy.FormatCosignTag:
		return attestTag(o, ref, signed, opts)
	case policy.FormatCosignReferrer:
		return asKindOrNil(ref.String(), writeReferrer(ctx, o.Remote, ref, signed, types.IntotoPayloadType))
	}
	return fmt.Errorf("attestation format %q: expected %s, %s or %s: %w", o.Format,
		policy.FormatCosignTag, policy.FormatCosignReferrer, policy.FormatBundle, artifact.ErrInvalid)
}

// attestTag adds to the .att tag.
func attestTag(o AttestOptions, ref gcrname.Digest, signed oci.Signature, opts []ociremote.Option) error {
	for attempt := 1; ; attempt++ {
		entity, err := mutate.AttachAttestationToEntity(ociremote.SignedUnknown(ref, opts...), signed)
		if err != nil {
			return asKind(ref.String(), err)
		}
		err = asKindOrNil(ref.String(), ociremote.WriteAttestations(ref.Repository, entity, opts...))
		if err == nil || attempt == signAttempts || !errors.Is(err, artifact.ErrConflict) {
			return err
		}
	}
}
