package signature

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	ssldsse "github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/cosign/v2/pkg/types"
)

// MaxEnvelope is the largest DSSE envelope, or bundle that holds one, in bytes.
const MaxEnvelope = 16 << 20

// attesting is the judge's name in findings about statements.
const attesting = "attestation"

// mayAttest leaves out the referrers that say that they are something else.
func mayAttest(d ocispec.Descriptor) bool {
	switch d.ArtifactType {
	case "", types.IntotoPayloadType, artifact.TypeDSSE, ocispec.MediaTypeEmptyJSON, ocispec.MediaTypeImageConfig:
		return true
	}
	return strings.HasPrefix(d.ArtifactType, bundleType)
}

// Statements finds the in-toto statements about s, and says who signed each.
// They are found as Each goes on, and read by whoever wants to. What cannot be
// read or is none is a Statement without payload whose Finding tells.
func (j *Judge) Statements(ctx context.Context, s policy.Subject, r policy.Reader) policy.Statements {
	b := j.bench(ctx, s, r)
	subjects := []digest.Digest{s.Digest}
	var findings []policy.Finding
	if s.Within != "" {
		if holds := b.holds(s.Within, s.Digest); holds.Outcome == policy.Allow {
			subjects = append(subjects, s.Within)
		} else {
			findings = append(findings, holds)
		}
	}
	var hearings []*hearing
	var keys []string
	whole := len(findings) == 0
	for _, subject := range subjects {
		h := &hearing{trial: &trial{bench: b, subject: subject, counted: map[string]bool{}}}
		if subject.Validate() != nil || subject.Algorithm() != digest.SHA256 {
			h.say(subject, policy.CodeMalformed, "not a sha256 digest, which is all that attestations speak about")
			whole = false
		} else {
			h.found = b.gather(subject, statements)
			h.findings = h.found.findings
			whole = whole && len(h.findings) == 0
			keys = append(keys, h.found.key(subject, b.ns))
		}
		hearings = append(hearings, h)
	}
	out := policy.Statements{Each: func(yield func(policy.Piece) bool) {
		for _, f := range findings {
			if !yield(problem(s.Digest, f)) {
				return
			}
		}
		for _, h := range hearings {
			if !h.each(yield) {
				return
			}
		}
	}}
	if whole {
		out.Key = strings.Join(keys, " within ")
	}
	return out
}

// hearing goes through the statements about one digest.
type hearing struct {
	*trial
	found gathered
}

// problem is what was wrong with looking for statements.
func problem(subject digest.Digest, f policy.Finding) policy.Piece {
	f.Judge = attesting
	return policy.Piece{Subject: subject, Manifest: f.Digest, Read: func() (policy.Statement, bool) {
		return policy.Statement{Subject: subject, Manifest: f.Digest, Finding: f}, true
	}}
}

// each gives every place where a statement is, and what was wrong beside them.
func (h *hearing) each(yield func(policy.Piece) bool) bool {
	own := trial{bench: h.bench, subject: h.subject, counted: map[string]bool{}, findings: slices.Clone(h.findings)}
	one := &hearing{trial: &own}
	tell := func() bool {
		for _, f := range own.findings {
			if !yield(problem(h.subject, f)) {
				return false
			}
		}
		own.findings = nil
		return true
	}
	for _, e := range h.found.evidence {
		if !one.try(e, yield) || !tell() {
			return false
		}
	}
	return tell()
}

func (h *hearing) try(e evidence, yield func(policy.Piece) bool) bool {
	m, problem := h.manifest(e.digest, MaxEvidenceManifest)
	if problem != nil {
		h.findings = append(h.findings, *problem)
		return true
	}
	format := policy.FormatCosignReferrer
	if e.tagged {
		format = policy.FormatCosignTag
	}
	switch attests := e.tagged || isBundle(m) || slices.ContainsFunc(m.Layers, isEnvelope); {
	case !attests:
		return true
	case !e.tagged && m.Subject != nil && m.Subject.Digest != h.subject: // of a tag's manifest it does not count, see trial.try
		h.say(e.digest, policy.CodeOtherDigest, "its subject is %s", m.Subject.Digest)
	case m.IsIndex():
		h.say(e.digest, policy.CodeMalformed, "an image index, expected an image manifest with a layer for each attestation")
	case isBundle(m) && !e.tagged:
		return h.bundles(m, yield)
	case len(m.Layers) == 0:
		h.say(e.digest, policy.CodeMalformed, "the manifest has no layer, expected one for each attestation")
	default:
		return h.envelopes(m, format, yield)
	}
	return true
}

func isEnvelope(l ocispec.Descriptor) bool { return l.MediaType == artifact.TypeDSSE }

// envelopes looks at a manifest as cosign 2 writes it: a layer for each envelope.
func (h *hearing) envelopes(m *artifact.Manifest, format string, yield func(policy.Piece) bool) bool {
	at := m.Descriptor.Digest
	for i, layer := range m.Layers {
		place := fmt.Sprintf("layer %d", i)
		if format == policy.FormatCosignTag && strings.HasPrefix(layer.MediaType, bundleType) {
			if !h.bundleIn(at, layer, yield) {
				return false
			}
			continue
		}
		switch {
		case !isEnvelope(layer):
			h.say(at, policy.CodeMalformed, "%s: media type %.100q, expected %q", place, layer.MediaType, artifact.TypeDSSE)
			continue
		case layer.Size > MaxEnvelope:
			h.say(at, policy.CodeTooLarge, "%s: the envelope has %d bytes, expected at most %d", place, layer.Size, MaxEnvelope)
			continue
		case !h.count(proofOf(layer)), h.ctx.Err() != nil:
			continue
		}
		p := policy.Piece{Subject: h.subject, Manifest: at, Digest: layer.Digest, Format: format, Place: place, Key: h.pieceKey(format+" envelope", layer)}
		p.Read = func() (policy.Statement, bool) { return h.envelope(p, layer), true }
		if !yield(p) {
			return false
		}
	}
	return true
}

// envelope reads the statement in one layer.
func (h *hearing) envelope(p policy.Piece, layer ocispec.Descriptor) policy.Statement {
	raw, problem := h.blob("the envelope", layer, MaxEnvelope)
	if problem != nil {
		return none(p, *problem)
	}
	payload, err := openEnvelope(raw)
	if err != nil {
		return none(p, malformed("the envelope: %.300s", err))
	}
	signer, err := h.signedBy(envelopeForm(raw), layer)
	return statement(p, payload, signer, err)
}

// openEnvelope is the payload of a DSSE envelope, of which nothing is verified.
func openEnvelope(raw []byte) ([]byte, error) {
	var e ssldsse.Envelope
	if err := artifact.UnmarshalStrict(raw, &e); err != nil {
		return nil, err
	}
	return payloadOf(&e)
}

func payloadOf(e *ssldsse.Envelope) ([]byte, error) {
	switch {
	case e.PayloadType != types.IntotoPayloadType:
		return nil, fmt.Errorf("payload type %.100q, expected %q", e.PayloadType, types.IntotoPayloadType)
	case len(e.Signatures) == 0:
		return nil, fmt.Errorf("no signature")
	}
	payload, err := e.DecodeB64Payload()
	if err == nil && len(payload) == 0 {
		err = fmt.Errorf("no payload")
	}
	return payload, err
}

// bundles looks at a manifest whose one layer is a sigstore bundle. What its
// annotation says of the predicate is not looked at: cosign writes it wrong.
func (h *hearing) bundles(m *artifact.Manifest, yield func(policy.Piece) bool) bool {
	at := m.Descriptor.Digest
	layer, problem := bundleLayer(m, MaxEnvelope)
	if problem != nil {
		h.findings = append(h.findings, *problem)
		return true
	}
	return h.bundleIn(at, layer, yield)
}

// bundleIn looks at the bundle of one layer.
func (h *hearing) bundleIn(at digest.Digest, layer ocispec.Descriptor, yield func(policy.Piece) bool) bool {
	if !h.count(layer.Digest.String()) {
		return true
	}
	if layer.Size > MaxEnvelope {
		h.say(at, policy.CodeTooLarge, "the bundle has %d bytes, expected at most %d", layer.Size, MaxEnvelope)
		return true
	}
	bare := ocispec.Descriptor{Digest: layer.Digest, Size: layer.Size}
	p := policy.Piece{Subject: h.subject, Manifest: at, Digest: layer.Digest, Format: policy.FormatBundle, Key: h.pieceKey("attesting bundle", bare)}
	p.Read = func() (policy.Statement, bool) { return h.attestingBundle(p, bare) }
	return yield(p)
}

// attestingBundle reads the statement of a bundle; false for one that is a
// signature.
func (h *hearing) attestingBundle(p policy.Piece, layer ocispec.Descriptor) (policy.Statement, bool) {
	raw, problem := h.blob("the bundle", layer, MaxEnvelope)
	if problem != nil {
		return none(p, *problem), true
	}
	b, about, err := readBundle(raw)
	switch {
	case err != nil:
		return none(p, malformed("the bundle: %.300s", err)), true
	case about.predicate == "" || about.predicate == types.CosignSignPredicateType:
		return policy.Statement{}, false
	}
	var payload []byte
	err = guard(func() error {
		content, err := b.SignatureContent()
		if err != nil {
			return err
		}
		payload, err = payloadOf(content.EnvelopeContent().RawEnvelope())
		return err
	})
	if err != nil {
		return none(p, malformed("the bundle: %.300s", err)), true
	}
	signer, err := h.bundleSignedBy(b, about)
	return statement(p, payload, signer, err), true
}

func malformed(format string, args ...any) policy.Finding {
	return policy.Finding{Code: policy.CodeMalformed, Outcome: policy.Deny, Detail: clipped(fmt.Sprintf(format, args...))}
}

// none is that there is no statement at p, and why.
func none(p policy.Piece, f policy.Finding) policy.Statement {
	f.Judge = attesting
	return policy.Statement{Subject: p.Subject, Manifest: p.Manifest, Digest: p.Digest, Finding: f}
}

// statement is one that was read, whoever signed it.
func statement(p policy.Piece, payload []byte, signer string, err error) policy.Statement {
	f := policy.Finding{Code: policy.CodeEvidenceVerified, Outcome: policy.Allow, Digest: p.Digest, Judge: attesting,
		Detail: fmt.Sprintf("the signature by %q holds (%s)", signer, p.Format)}
	if err != nil {
		f.Code, f.Outcome, f.Detail, signer = codeOf(err), policy.Deny, clipped(err.Error()), ""
	}
	return policy.Statement{Subject: p.Subject, Manifest: p.Manifest, Digest: p.Digest, Payload: payload, Signer: signer, Format: p.Format, Finding: f}
}
