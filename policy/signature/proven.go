package signature

import (
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
)

// untimely is why a signature by a trusted signer does not count.
type untimely struct{ code, why string }

func (u untimely) Error() string { return u.why }

// codeOf is the code of the finding that a signature by nobody trusted gives.
func codeOf(err error) string {
	var late untimely
	if errors.As(err, &late) {
		return late.code
	}
	return policy.CodeUnknownSigner
}

// counts asks whether a signature that holds counts, by the earliest time that
// it proves; when is asked only where it matters.
func counts(s trust.Signer, when func() time.Time) error {
	if s.Validity.Always() {
		return nil
	}
	if code, why := s.Validity.Check(when()); code != "" {
		return untimely{code, fmt.Sprintf("the signature by %q holds, but %s", s.Name, why)}
	}
	return nil
}

// earliest is when something signed existed at the latest: the first of the
// times that its proofs give, or the zero time.
func earliest(proven ...time.Time) (first time.Time) {
	for _, at := range proven {
		if first.IsZero() || !at.IsZero() && at.Before(first) {
			first = at
		}
	}
	return first
}

// layerTime is the earliest time that the proofs beside a layer's signature
// give. The signature is one by verifier, or where that is nil by the
// certificate beside it; a certificate beside a key's signature is anybody's.
func (t *trial) layerTime(f form, layer ocispec.Descriptor, verifier sigstore.Verifier) time.Time {
	signed := carried(layer)
	if t.roots == nil || signed.err != nil {
		return time.Time{}
	}
	var by []static.Option
	if verifier == nil {
		by = append(by, static.WithCertChain(signed.certificate, signed.chain))
	}
	entity, err := f.entity(append(by, static.WithBundle(signed.log), static.WithRFC3161Timestamp(signed.timestamp))...)
	if err != nil {
		return time.Time{}
	}
	var at time.Time
	_ = guard(func() error {
		if signed.timestamp == nil {
			return nil
		}
		proven, _, err := verify.VerifySignedTimestamp(&stamped{signature: entity, stamp: signed.timestamp.SignedRFC3161Timestamp}, t.roots)
		for _, one := range proven {
			at = earliest(at, one.Time)
		}
		return err
	})
	_ = guard(func() error {
		if signed.log == nil {
			return nil
		}
		holds, err := cosign.VerifyBundle(entity, &cosign.CheckOpts{TrustedMaterial: t.roots, SigVerifier: verifier, Offline: true})
		if err == nil && holds {
			at = earliest(at, time.Unix(signed.log.Payload.IntegratedTime, 0))
		}
		return err
	})
	return at
}

// stamped is a signature in cosign's form with its timestamp, as sigstore-go
// looks at them: over the signature, or over the envelope that holds it.
type stamped struct {
	verify.BaseSignedEntity
	signature oci.Signature
	stamp     []byte
}

func (s *stamped) Timestamps() ([][]byte, error) { return [][]byte{s.stamp}, nil }

func (s *stamped) SignatureContent() (verify.SignatureContent, error) {
	encoded, err := s.signature.Base64Signature()
	if err != nil {
		return nil, err
	}
	over, err := s.signature.Payload()
	if encoded != "" {
		over, err = base64.StdEncoding.DecodeString(encoded)
	}
	return bare(over), err
}

// bare is the bytes of a signature and nothing else.
type bare []byte

func (b bare) Signature() []byte                                       { return b }
func (b bare) EnvelopeContent() verify.EnvelopeContent                 { return nil }
func (b bare) MessageSignatureContent() verify.MessageSignatureContent { return nil }

// bundleTime is the earliest time that the proofs in a bundle by a key give.
func (t *trial) bundleTime(b *bundle.Bundle, key sigstore.Verifier) (at time.Time) {
	if t.roots == nil {
		return at
	}
	material := rooted{t.roots, onlyKey(key)}
	_ = guard(func() error {
		var logged []verify.TimestampVerificationResult
		if v, err := verify.NewVerifier(material, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1)); err == nil {
			logged, _ = v.VerifyTransparencyLogInclusion(b) // what the log does not prove, a timestamp may
		}
		v, err := verify.NewVerifier(material, verify.WithObserverTimestamps(1))
		if err != nil {
			return err
		}
		proven, err := v.VerifyObserverTimestamps(b, logged)
		at = resultTime(proven)
		return err
	})
	return at
}

func resultTime(proven []verify.TimestampVerificationResult) (at time.Time) {
	for _, p := range proven {
		at = earliest(at, p.Timestamp)
	}
	return at
}

// rooted is the trusted roots' times, and one key.
type rooted struct {
	root.TrustedMaterial
	key root.TrustedMaterial
}

func (r rooted) PublicKeyVerifier(hint string) (root.TimeConstrainedVerifier, error) {
	return r.key.PublicKeyVerifier(hint)
}
