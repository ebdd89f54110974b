package signature

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
)

// predicateKey is the annotation in which cosign says what a bundle is about.
const predicateKey = "dev.sigstore.bundle.predicateType"

// tryBundle looks at a manifest whose one layer is a sigstore bundle. Bundles
// with another predicate are attestations and say nothing about who signed.
func (t *trial) tryBundle(m *artifact.Manifest) {
	at := m.Descriptor.Digest
	if said := m.Annotations[predicateKey]; said != "" && said != types.CosignSignPredicateType {
		return
	}
	layer, problem := bundleLayer(m, MaxBundle)
	if problem != nil {
		t.findings = append(t.findings, *problem)
		return
	}
	t.tryBundleLayer(at, layer)
}

// tryBundleLayer looks at the bundle of one layer, unless it was met before.
func (t *trial) tryBundleLayer(at digest.Digest, layer ocispec.Descriptor) {
	if !t.count(layer.Digest.String()) || t.ctx.Err() != nil {
		return
	}
	if layer.Size > MaxBundle {
		t.say(at, policy.CodeTooLarge, "the bundle has %d bytes, expected at most %d", layer.Size, MaxBundle)
		return
	}
	t.fold(at, "", policy.FormatBundle, t.judged("bundle", ocispec.Descriptor{Digest: layer.Digest, Size: layer.Size}, func() verdict { return t.bundle(layer) }))
}

// bundle is the verdict about one bundle.
func (t *trial) bundle(layer ocispec.Descriptor) verdict {
	raw, problem := t.blob("the bundle", layer, MaxBundle)
	if problem != nil {
		return unknown(problem)
	}
	b, about, err := readBundle(raw)
	switch {
	case err != nil:
		return denied(policy.CodeMalformed, fmt.Sprintf("the bundle: %s", err))
	case about.predicate != "" && about.predicate != types.CosignSignPredicateType:
		return verdict{outcome: policy.Deny, nothing: true} // an attestation without the annotation
	}
	names := []string{t.subject.String()}
	if about.message {
		whole, problem := t.whole()
		if problem != nil {
			return unknown(problem)
		}
		about.whole, names = whole, namesOf(whole)
	}
	silent := about.message && len(about.digests) == 0
	if !silent && !slices.ContainsFunc(about.digests, func(d string) bool { return slices.Contains(names, d) }) {
		return denied(policy.CodeOtherDigest, "the bundle signs "+strings.Join(about.digests, ", "))
	}
	signer, err := t.bundleSignedBy(b, about)
	if err != nil {
		return denied(codeOf(err), err.Error())
	}
	return verdict{outcome: policy.Allow, signer: signer}
}

// bundleLayer is the one layer that holds the bundle of a manifest.
func bundleLayer(m *artifact.Manifest, limit int64) (ocispec.Descriptor, *policy.Finding) {
	f := policy.Finding{Code: policy.CodeMalformed, Outcome: policy.Deny, Digest: m.Descriptor.Digest, Judge: name}
	layers := slices.DeleteFunc(slices.Clone(m.Layers), func(l ocispec.Descriptor) bool {
		return !strings.HasPrefix(l.MediaType, bundleType)
	})
	switch {
	case len(layers) != 1:
		f.Detail = fmt.Sprintf("the manifest has %d sigstore bundles, expected one layer", len(layers))
		return ocispec.Descriptor{}, &f
	case layers[0].Size > limit:
		f.Code, f.Detail = policy.CodeTooLarge, fmt.Sprintf("the bundle has %d bytes, expected at most %d", layers[0].Size, limit)
		return ocispec.Descriptor{}, &f
	}
	return layers[0], nil
}

// bundleSignedBy is the trusted signer who made a bundle's signature over the
// subject; the error says why there is none.
func (t *trial) bundleSignedBy(b *bundle.Bundle, said about) (signer string, err error) {
	t.judge.verified.Add(1)
	if said.certified {
		return stranger(t.identityBundle(b, said))("the signature of this bundle")
	}
	key, verifier, ok := t.verifyBundle(b, said)
	if !ok {
		return "", errors.New("no trusted key made the signature of this bundle")
	}
	return key.Name, counts(key, func() time.Time { return t.bundleTime(b, verifier) })
}

// about is what a bundle says that it signs.
type about struct {
	predicate string
	digests   []string
	certified bool // by a certificate and not by a key
	// message: the signature is over the subject itself and not over a
	// statement, so that digests may say nothing; whole is the subject's bytes.
	message bool
	whole   []byte
}

// subject is what sigstore-go checks the signature against. A digest is not
// enough for a message signature: Ed25519 signs no digests.
func (a about) subject(d digest.Digest) verify.ArtifactPolicyOption {
	if a.message {
		return verify.WithArtifact(bytes.NewReader(a.whole))
	}
	raw, _ := hex.DecodeString(d.Encoded()) // it is valid: judge1 looked
	return verify.WithArtifactDigest(d.Algorithm().String(), raw)
}

// namesOf are the digests by which a message signature may name its subject.
func namesOf(whole []byte) (out []string) {
	for _, algorithm := range messageDigests {
		out = append(out, algorithm.FromBytes(whole).String())
	}
	return out
}

// whole is the subject's own bytes.
func (t *trial) whole() ([]byte, *policy.Finding) {
	_, raw, err := t.reader.Manifest(t.ctx, t.subject)
	if err == nil && digest.FromBytes(raw) != t.subject {
		err = fmt.Errorf("its bytes have digest %s", digest.FromBytes(raw))
	}
	if err != nil {
		f := unread("", "what the bundle signs", err)
		return nil, &f
	}
	return raw, nil
}

func readBundle(raw []byte) (b *bundle.Bundle, said about, err error) {
	err = guard(func() error {
		if err := artifact.CheckStrict(raw, nil); err != nil {
			return err
		}
		b = new(bundle.Bundle)
		if err := b.UnmarshalJSON(raw); err != nil {
			return err
		}
		content, err := b.SignatureContent()
		if err != nil {
			return err
		}
		if said, err = aboutOf(content); err != nil {
			return err
		}
		by, err := b.VerificationContent()
		if err == nil {
			said.certified = by.Certificate() != nil
		}
		return err
	})
	return b, said, err
}

// messageDigests are the digests over which keys sign: SHA-256 mostly, those of
// larger curves and of Ed25519ph otherwise.
var messageDigests = map[string]digest.Algorithm{"SHA2_256": digest.SHA256, "SHA2_384": digest.SHA384, "SHA2_512": digest.SHA512}

func aboutOf(content verify.SignatureContent) (about, error) {
	if message := content.MessageSignatureContent(); message != nil {
		algorithm, ok := messageDigests[message.DigestAlgorithm()]
		switch {
		case ok:
			d := digest.NewDigestFromEncoded(algorithm, hex.EncodeToString(message.Digest()))
			return about{message: true, digests: []string{d.String()}}, nil
		case len(message.Digest()) == 0:
			return about{message: true}, nil // as cosign writes it for Ed25519
		}
		return about{}, fmt.Errorf("digest algorithm %q, expected SHA2_256, SHA2_384 or SHA2_512", message.DigestAlgorithm())
	}
	envelope := content.EnvelopeContent()
	if envelope == nil {
		return about{}, fmt.Errorf("neither an envelope nor a message signature")
	}
	statement, err := envelope.Statement()
	if err != nil {
		return about{}, err
	}
	said := about{predicate: statement.GetPredicateType()}
	if said.predicate == "" {
		return about{}, fmt.Errorf("the statement has no predicate type")
	}
	for _, s := range statement.GetSubject() {
		if d := s.GetDigest()["sha256"]; d != "" {
			said.digests = append(said.digests, "sha256:"+d)
		}
	}
	return said, nil
}

// verifyBundle asks sigstore-go whether any trusted key made the bundle's
// signature over the subject.
func (t *trial) verifyBundle(b *bundle.Bundle, said about) (signer trust.Signer, by sigstore.Verifier, ok bool) {
	for _, key := range t.ring.keys {
		for _, v := range key.verifiers {
			err := guard(func() error {
				verifier, err := verify.NewVerifier(onlyKey(v), verify.WithNoObserverTimestamps())
				if err != nil {
					return err
				}
				_, err = verifier.Verify(b, verify.NewPolicy(said.subject(t.subject), verify.WithKey()))
				return err
			})
			if err == nil {
				return key.signer, v, true
			}
		}
	}
	return signer, nil, false
}

// onlyKey is trusted material with a single key and nothing else, whatever
// hint a bundle gives.
func onlyKey(v sigstore.Verifier) root.TrustedMaterial {
	key := root.NewExpiringKey(v, time.Time{}, time.Time{})
	return root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return key, nil })
}
