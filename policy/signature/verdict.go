package signature

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/internal/known"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
)

// What is remembered of single pieces of evidence, in bytes. Whoever may push
// may add to them, so a judgement of n pieces and one more would cost n again
// if each was looked at anew.
const (
	manifestBytes = 16 << 20
	verdictBytes  = 32 << 20
)

// maxDetail is the most that a finding quotes of what others wrote, in bytes.
const maxDetail = 1024

// pieces is what is known of single pieces of evidence: of manifests what they
// say, of layers who signed.
type pieces struct {
	manifests *known.Cache[readManifest]
	verdicts  *known.Cache[verdict]
}

func newPieces() pieces {
	return pieces{known.New[readManifest](manifestBytes), known.New[verdict](verdictBytes)}
}

// readManifest is a manifest that was read, or why it is none.
type readManifest struct {
	manifest *artifact.Manifest
	problem  *policy.Finding
}

// A verdict is what one layer of evidence proves about one subject, to the
// signers of one namespace: a trusted signer, or why there is none, or nothing
// where it is no signature at all. It does not say in which manifests the layer
// is, nor where in them.
//
// It depends on no clock. Bounds of keys and revocations are compared with the
// time that the evidence itself proves, and they are part of what it is
// remembered by, so that a policy or a ledger with other bounds asks anew.
type verdict struct {
	outcome      policy.Outcome
	signer       string // where outcome is Allow
	code, detail string // where it is not
	nothing      bool
}

// denied is a verdict, and lasting unless it is that something could not be read.
func denied(code, detail string) verdict {
	return verdict{outcome: policy.Deny, code: code, detail: detail}
}

func unknown(f *policy.Finding) verdict {
	return verdict{outcome: f.Outcome, code: f.Code, detail: f.Detail}
}

// judged is the verdict about a layer: the one that is known, or what look
// finds. What could not be read is looked at again the next time.
func (t *trial) judged(what string, layer ocispec.Descriptor, look func() verdict) verdict {
	key := t.pieceKey(what, layer)
	if v, ok := t.judge.pieces.verdicts.Get(key); ok {
		return v
	}
	v := look()
	v.detail = clipped(v.detail)
	if v.outcome != policy.Unknown && t.ctx.Err() == nil {
		t.judge.pieces.verdicts.Add(key, v, len(v.signer)+len(v.detail))
	}
	return v
}

// pieceKey names everything that the verdict about a layer depends on: the
// subject, whom the namespace trusts and with what bounds, and all of the layer
// that is looked at.
func (t *trial) pieceKey(what string, layer ocispec.Descriptor) string {
	h := sha256.New()
	for _, part := range []string{what, t.subject.String(), t.ns.Digest().String(), layer.MediaType, layer.Digest.String(),
		layer.Annotations[static.SignatureAnnotationKey], layer.Annotations[static.CertificateAnnotationKey], layer.Annotations[static.ChainAnnotationKey],
		layer.Annotations[static.BundleAnnotationKey], layer.Annotations[static.RFC3161TimestampAnnotationKey]} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // a hash takes everything
		_, _ = io.WriteString(h, part)
	}
	_ = binary.Write(h, binary.BigEndian, layer.Size)
	return string(h.Sum(nil))
}

// fold adds a verdict to the judgement, for the manifest and the place in it
// where the layer was found.
func (t *trial) fold(at digest.Digest, place, format string, v verdict) {
	switch {
	case v.nothing:
	case v.outcome == policy.Allow:
		t.holdsBy(at, v.signer, format)
	default:
		t.findings = append(t.findings, policy.Finding{Code: v.code, Outcome: v.outcome, Digest: at, Judge: name, Detail: placed(place, v.detail)})
	}
}

func placed(place, detail string) string {
	if place == "" {
		return detail
	}
	return place + ": " + detail
}

// clipped is the beginning of a text that others may have made long.
func clipped(detail string) string {
	detail = strings.ToValidUTF8(detail, string(utf8.RuneError))
	if len(detail) <= maxDetail {
		return detail
	}
	end := maxDetail
	for !utf8.RuneStart(detail[end]) {
		end--
	}
	return detail[:end] + "…"
}

// manifest reads a manifest of at most limit bytes, or says why not. What was
// read once is known: its bytes are its digest, so what it says cannot change.
func (b *bench) manifest(d digest.Digest, limit int) (*artifact.Manifest, *policy.Finding) {
	cache := b.judge.pieces.manifests
	if r, ok := cache.Get(d.String()); ok {
		return r.manifest, r.problem
	}
	m, problem, size := b.readManifest(d, limit)
	if d.Algorithm() == digest.SHA256 && (problem == nil || problem.Outcome == policy.Deny) {
		cache.Add(d.String(), readManifest{m, problem}, size)
	}
	return m, problem
}
