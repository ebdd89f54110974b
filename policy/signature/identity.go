package signature

import (
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	cosignbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// trustedIdentity is whom a certificate must name, in both libraries' forms.
type trustedIdentity struct {
	signer trust.Signer
	cosign cosign.Identity
	bundle verify.CertificateIdentity
}

func newIdentity(s trust.Signer) (trustedIdentity, error) {
	id := s.Identity
	subject, err := verify.NewSANMatcher(id.Subject, id.SubjectPattern)
	if err != nil {
		return trustedIdentity{}, err
	}
	issuer, err := verify.NewIssuerMatcher(id.Issuer, id.IssuerPattern)
	if err != nil {
		return trustedIdentity{}, err
	}
	both, err := verify.NewCertificateIdentity(subject, issuer, certificate.Extensions{})
	return trustedIdentity{s, cosign.Identity{Issuer: id.Issuer, IssuerRegExp: id.IssuerPattern,
		Subject: id.Subject, SubjectRegExp: id.SubjectPattern}, both}, err
}

// rootsOf reads the trusted roots; nil where there is none.
func rootsOf(p *trust.Policy) (root.TrustedMaterial, error) {
	var all root.TrustedMaterialCollection
	for i, raw := range p.TrustedRoots() {
		var one *root.TrustedRoot
		err := guard(func() (err error) {
			one, err = root.NewTrustedRootFromJSON(raw)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("trusted root %d: %s: %w", i, err, artifact.ErrInvalid)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

// carriedProof is what a layer of a keyless signature carries beside it.
type carriedProof struct {
	certificate, chain []byte
	log                *cosignbundle.RekorBundle
	timestamp          *cosignbundle.RFC3161Timestamp
	err                error
}

func carried(layer ocispec.Descriptor) carriedProof {
	p := carriedProof{certificate: []byte(layer.Annotations[static.CertificateAnnotationKey]), chain: []byte(layer.Annotations[static.ChainAnnotationKey])}
	if text := layer.Annotations[static.BundleAnnotationKey]; text != "" {
		if err := artifact.UnmarshalStrict([]byte(text), &p.log); err != nil {
			p.err = fmt.Errorf("its log entry cannot be read: %s", err)
		}
	}
	if text := layer.Annotations[static.RFC3161TimestampAnnotationKey]; text != "" {
		if err := artifact.UnmarshalStrict([]byte(text), &p.timestamp); err != nil {
			p.err = fmt.Errorf("its timestamp cannot be read: %s", err)
		}
	}
	return p
}

func (carriedProof) stranger() error {
	return errors.New("it was made by an identity, and the namespace trusts none")
}

// identityBundle asks sigstore-go the same about a bundle.
func (t *trial) identityBundle(b *bundle.Bundle, said about) (signer string, err error) {
	if t.roots == nil || len(t.ring.identities) == 0 {
		return "", carriedProof{}.stranger()
	}
	var late error
	for _, id := range t.ring.identities {
		var at time.Time
		err = guard(func() error {
			verifier, err := verify.NewVerifier(t.roots, proofs(b, id.signer.Identity)...)
			if err != nil {
				return err
			}
			result, err := verifier.Verify(b, verify.NewPolicy(said.subject(t.subject), verify.WithCertificateIdentity(id.bundle)))
			if err == nil {
				at = resultTime(result.VerifiedTimestamps)
			}
			return err
		})
		if err != nil {
			continue
		}
		if late = counts(id.signer, func() time.Time { return at }); late == nil {
			return id.signer.Name, nil
		}
	}
	if late != nil {
		return "", late
	}
	return "", err
}

// proofs is what a bundle must prove: always the time, and the logs unless
// the identity lets them be left out.
func proofs(b *bundle.Bundle, id *trust.Identity) []verify.VerifierOption {
	opts := []verify.VerifierOption{verify.WithObserverTimestamps(1)}
	if entries, err := b.TlogEntries(); err != nil || len(entries) > 0 || !id.TransparencyLogOptional {
		opts = append(opts, verify.WithTransparencyLog(1))
	}
	if !id.CertificateLogOptional {
		opts = append(opts, verify.WithSignedCertificateTimestamps(1))
	}
	return opts
}

// proofOf names a layer's signature with all that is carried beside it.
func proofOf(layer ocispec.Descriptor) string {
	var all []byte
	for _, key := range []string{static.SignatureAnnotationKey, static.CertificateAnnotationKey, static.BundleAnnotationKey, static.RFC3161TimestampAnnotationKey} {
		all = append(append(all, layer.Annotations[key]...), 0)
	}
	return layer.Digest.String() + " " + base64.StdEncoding.EncodeToString(all)
}
