package signature

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// trial goes through the evidence about one digest.
type trial struct {
	*bench
	subject  digest.Digest
	counted  map[string]bool // signatures by content
	findings []policy.Finding
	signers  []signedBy
}

type signedBy struct{ signer, format string }

// try looks at every signature of one manifest.
func (t *trial) try(e evidence) {
	m, problem := t.manifest(e.digest, MaxEvidenceManifest)
	if problem != nil {
		t.findings = append(t.findings, *problem)
		return
	}
	switch {
	case m.IsIndex():
		if e.tagged {
			t.say(e.digest, policy.CodeMalformed, "an image index, expected an image manifest with a layer for each signature")
		}
	case e.tagged:
		// Whoever may push may replace this manifest as long as its layers stay,
		// so what it says of itself (subject, type) does not count.
		t.tryLayers(m)
	case m.Subject != nil && m.Subject.Digest != t.subject:
		t.say(e.digest, policy.CodeOtherDigest, "its subject is %s", m.Subject.Digest)
	case isBundle(m):
		t.tryBundle(m)
	case isCosign(m):
		t.trySimple(m, policy.FormatCosignReferrer)
	}
}

// tryLayers looks at the manifest of a tag: each layer is judged for itself.
func (t *trial) tryLayers(m *artifact.Manifest) {
	if len(m.Layers) == 0 {
		t.say(m.Descriptor.Digest, policy.CodeMalformed, "the manifest has no layer, expected one for each signature")
	}
	for i, layer := range m.Layers {
		if strings.HasPrefix(layer.MediaType, bundleType) {
			t.tryBundleLayer(m.Descriptor.Digest, layer)
		} else {
			t.tryLayer(m.Descriptor.Digest, i, layer, policy.FormatCosignTag)
		}
	}
}

// isBundle and isCosign go by the manifest itself and not by who names it.
func isBundle(m *artifact.Manifest) bool {
	return strings.HasPrefix(m.ArtifactType, bundleType) || slices.ContainsFunc(m.Layers, func(l ocispec.Descriptor) bool {
		return strings.HasPrefix(l.MediaType, bundleType)
	})
}

func isCosign(m *artifact.Manifest) bool {
	return m.ArtifactType == artifact.TypeCosignSignature || slices.ContainsFunc(m.Layers, func(l ocispec.Descriptor) bool {
		return l.MediaType == artifact.TypeSimpleSigning
	})
}

// say tells what is wrong with a piece of evidence.
func (t *trial) say(evidence digest.Digest, code, format string, args ...any) {
	t.findings = append(t.findings, policy.Finding{Code: code, Outcome: policy.Deny, Digest: evidence, Judge: name,
		Detail: clipped(fmt.Sprintf(format, args...))})
}

// count reports whether a signature is met for the first time.
func (t *trial) count(signature string) bool {
	if t.counted[signature] {
		return false
	}
	t.counted[signature] = true
	return true
}

// holdsBy notes a signature by a trusted signer.
func (t *trial) holdsBy(evidence digest.Digest, signer, format string) {
	t.signers = append(t.signers, signedBy{signer, format})
	t.findings = append(t.findings, policy.Finding{Code: policy.CodeEvidenceVerified, Outcome: policy.Allow, Digest: evidence, Judge: name,
		Detail: fmt.Sprintf("the signature by %q holds (%s)", signer, format)})
}

// sum is the judgement of all evidence, without a vote.
func (t *trial) sum() policy.Signature {
	sig := policy.Signature{Status: t.status(), Evidence: fewer(t.subject, t.findings)}
	for _, s := range t.signers {
		if !slices.Contains(sig.Signers, s.signer) {
			sig.Signers = append(sig.Signers, s.signer)
		}
		if !slices.Contains(sig.Formats, s.format) {
			sig.Formats = append(sig.Formats, s.format)
		}
	}
	slices.Sort(sig.Signers)
	slices.Sort(sig.Formats)
	if sig.Status == policy.Verified {
		sig.Signer, sig.Format = t.signers[0].signer, t.signers[0].format
	}
	return sig
}

// fewer are the findings that a judgement tells: all that count or could not be
// told, the first MaxFindings of the others, and how many more there are.
func fewer(subject digest.Digest, all []policy.Finding) []policy.Finding {
	if len(all) <= MaxFindings {
		return all
	}
	var out []policy.Finding
	denied, more := 0, 0
	for _, f := range all {
		if f.Outcome == policy.Deny {
			if denied++; denied > MaxFindings {
				more++
				continue
			}
		}
		out = append(out, f)
	}
	if more > 0 {
		out = append(out, policy.Finding{Code: policy.CodeTooMany, Outcome: policy.Deny, Digest: subject, Judge: name,
			Detail: fmt.Sprintf("%d more pieces of evidence were looked at and do not count", more)})
	}
	return out
}

// wellFormed are the codes of signatures that are such, and do not count.
var wellFormed = []string{policy.CodeUnknownSigner, policy.CodeRevoked, policy.CodeOutsideValidity, policy.CodeTimeUnproven}

func (t *trial) status() policy.SignatureStatus {
	different := map[string]bool{}
	for _, s := range t.signers {
		different[s.signer] = true
	}
	if t.ns != nil && len(different) > 0 && len(different) >= t.ns.Threshold {
		return policy.Verified
	}
	status := policy.Unsigned
	for _, f := range t.findings {
		switch {
		case f.Outcome == policy.Unknown:
			return ""
		case f.Outcome == policy.Allow, slices.Contains(wellFormed, f.Code):
			status = policy.Unverified
		case status == policy.Unsigned:
			status = policy.Invalid
		}
	}
	return status
}
