package signature

import (
	"context"
	"errors"
	"fmt"
	"time"

	gcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/oarlock/oarlock/policy/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
)

// A form is how cosign keeps one signature in a layer, and verifies it.
type form struct {
	entity func(...static.Option) (oci.Signature, error)
	verify func(context.Context, oci.Signature, gcr.Hash, *cosign.CheckOpts) (bool, error)
	claim  func(oci.Signature, gcr.Hash, map[string]any) error // that it is about the subject
}

func simpleForm(content []byte, encoded string) form {
	return form{
		entity: func(opts ...static.Option) (oci.Signature, error) {
			return static.NewSignature(content, encoded, opts...)
		},
		verify: cosign.VerifyImageSignature, claim: cosign.SimpleClaimVerifier,
	}
}

func envelopeForm(envelope []byte) form {
	return form{
		entity: func(opts ...static.Option) (oci.Signature, error) {
			return static.NewAttestation(envelope, append(opts, static.WithLayerMediaType(types.DssePayloadType))...)
		},
		verify: cosign.VerifyBlobAttestation, claim: cosign.IntotoSubjectClaimVerifier,
	}
}

// signedBy is the trusted signer who made the signature of a layer over the
// subject; the error says why there is none.
func (t *trial) signedBy(f form, layer ocispec.Descriptor) (signer string, err error) {
	t.judge.verified.Add(1)
	if key, verifier, ok := t.signedByKey(f); ok {
		return key.Name, counts(key, func() time.Time { return t.layerTime(f, layer, verifier) })
	}
	if layer.Annotations[static.CertificateAnnotationKey] == "" {
		return "", errors.New("no trusted key made this signature")
	}
	return stranger(t.signedByIdentity(f, layer))("this signature")
}

// stranger says that no trusted identity made what is named, where one is not
// just untimely.
func stranger(signer string, err error) func(what string) (string, error) {
	return func(what string) (string, error) {
		var late untimely
		if err == nil || errors.As(err, &late) {
			return signer, err
		}
		return "", fmt.Errorf("no trusted identity made %s: %.300s", what, err)
	}
}

// signedByKey asks cosign whether any trusted key made the signature, and
// whether what it signs names the subject. Certificates beside it are left
// out: they would be judged by the clock.
func (t *trial) signedByKey(f form) (signer trust.Signer, by sigstore.Verifier, ok bool) {
	signed, err := f.entity()
	if err != nil {
		return signer, nil, false
	}
	for _, key := range t.ring.keys {
		for _, verifier := range key.verifiers {
			err := guard(func() error {
				_, err := f.verify(t.ctx, signed, t.hash(), &cosign.CheckOpts{
					SigVerifier: verifier, ClaimVerifier: f.claim, IgnoreTlog: true, Offline: true, IgnoreSCT: true,
				})
				return err
			})
			if err == nil {
				return key.signer, verifier, true
			}
		}
	}
	return signer, nil, false
}

var errNoProof = errors.New("neither a log entry nor a signed timestamp proves when it was signed")

// signedByIdentity asks cosign whether a trusted identity made the signature.
// It looks at nothing but what the layer carries: the certificate is judged at
// the time that a log or a timestamp authority proves.
func (t *trial) signedByIdentity(f form, layer ocispec.Descriptor) (signer string, err error) {
	signed := carried(layer)
	if t.roots == nil || len(t.ring.identities) == 0 {
		return "", signed.stranger()
	}
	if signed.err != nil {
		return "", signed.err
	}
	entity, err := f.entity(static.WithCertChain(signed.certificate, signed.chain),
		static.WithBundle(signed.log), static.WithRFC3161Timestamp(signed.timestamp))
	if err != nil {
		return "", err
	}
	var late error
	for _, id := range t.ring.identities {
		if err = t.isIdentity(f, entity, id, signed); err != nil {
			continue
		}
		late = counts(id.signer, func() time.Time { return t.layerTime(f, layer, nil) })
		if late == nil {
			return id.signer.Name, nil
		}
	}
	if late != nil {
		return "", late
	}
	return "", err
}

func (t *trial) isIdentity(f form, entity oci.Signature, id trustedIdentity, signed carriedProof) error {
	said := id.signer.Identity
	logged := signed.log != nil || !said.TransparencyLogOptional
	if !logged && signed.timestamp == nil {
		return errNoProof
	}
	return guard(func() error {
		_, err := f.verify(t.ctx, entity, t.hash(), &cosign.CheckOpts{
			TrustedMaterial: t.roots, Identities: []cosign.Identity{id.cosign}, ClaimVerifier: f.claim,
			IgnoreTlog: !logged, UseSignedTimestamps: !logged, IgnoreSCT: said.CertificateLogOptional, Offline: true,
		})
		return err
	})
}

func (t *trial) hash() gcr.Hash {
	return gcr.Hash{Algorithm: string(t.subject.Algorithm()), Hex: t.subject.Encoded()}
}
