package signature

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// evidence is a manifest that may carry signatures.
type evidence struct {
	digest digest.Digest
	tagged bool // by the .sig tag
}

// gathered is the evidence about one digest, and what was wrong with finding it.
type gathered struct {
	evidence []evidence
	findings []policy.Finding
}

// bundleType is how the media type of every sigstore bundle begins.
const bundleType = "application/vnd.dev.sigstore.bundle"

// key names everything that a judgement of these bytes depends on.
func (g gathered) key(subject digest.Digest, ns *trust.Namespace) string {
	h := sha256.New()
	for _, d := range []digest.Digest{subject, ns.Digest()} {
		_, _ = io.WriteString(h, d.String()+" ") // a hash takes everything
	}
	for _, e := range g.evidence {
		place := "untagged "
		if e.tagged {
			place = "tagged "
		}
		_, _ = io.WriteString(h, place+e.digest.String()+" ")
	}
	return string(h.Sum(nil))
}

// A search says which evidence is looked for.
type search struct {
	suffix string // of the tag
	may    func(ocispec.Descriptor) bool
}

var (
	signatures = search{"sig", maySign}
	statements = search{"att", mayAttest}
)

// gather looks in all places. The tag comes first, the others in order of
// digest, each once.
func (b *bench) gather(subject digest.Digest, want search) gathered {
	var g gathered
	if b.problem != nil {
		g.findings = append(g.findings, *b.problem)
	}
	tagged := g.tag(b, artifact.DigestTag(subject, want.suffix))
	var rest []digest.Digest
	referrers, err := b.reader.Referrers(b.ctx, subject)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		g.unread(subject, "its referrers", err)
	}
	for _, d := range referrers {
		if want.may(d) {
			rest = append(rest, d.Digest)
		}
	}
	rest = append(rest, g.fallback(b, subject)...)
	slices.Sort(rest)
	if tagged != "" {
		g.evidence = append(g.evidence, evidence{tagged, true})
	}
	for _, d := range slices.Compact(rest) {
		if d != tagged {
			g.evidence = append(g.evidence, evidence{digest: d})
		}
	}
	return g
}

// maySign leaves out the referrers that say that they are something else. Some
// registries give the config's type for an artifact that has its own, so a
// config's type says nothing.
func maySign(d ocispec.Descriptor) bool {
	switch d.ArtifactType {
	case "", artifact.TypeCosignSignature, ocispec.MediaTypeEmptyJSON, ocispec.MediaTypeImageConfig:
		return true
	}
	return strings.HasPrefix(d.ArtifactType, bundleType)
}

func (g *gathered) tag(b *bench, tag string) digest.Digest {
	d, err := b.reader.Tag(b.ctx, tag)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		g.unread("", fmt.Sprintf("tag %q", tag), err)
	}
	if err != nil || d.Validate() != nil {
		return ""
	}
	return d
}

// fallback gives the entries of the referrers fallback tag. What an entry says
// that it is does not matter: registries write it wrong.
func (g *gathered) fallback(b *bench, subject digest.Digest) []digest.Digest {
	d := g.tag(b, artifact.DigestTag(subject, ""))
	if d == "" || d == subject { // cosign copy gives the subject itself this tag
		return nil
	}
	m, problem := b.manifest(d, artifact.MaxManifest)
	if problem == nil && !m.IsIndex() {
		problem = &policy.Finding{Code: policy.CodeMalformed, Outcome: policy.Deny, Digest: d, Judge: name,
			Detail: fmt.Sprintf("the referrers fallback tag names a %q, expected an image index", m.Descriptor.MediaType)}
	}
	if problem != nil {
		g.findings = append(g.findings, *problem)
		return nil
	}
	var out []digest.Digest
	for _, child := range m.Children {
		out = append(out, child.Digest)
	}
	return out
}

func (g *gathered) unread(about digest.Digest, what string, err error) {
	g.findings = append(g.findings, unread(about, what, err))
}

func unread(about digest.Digest, what string, err error) policy.Finding {
	return policy.Finding{Code: policy.CodeEvidenceUnread, Outcome: policy.Unknown, Digest: about, Judge: name,
		Detail: fmt.Sprintf("%s could not be read: %s", what, err)}
}

// readManifest reads a manifest of at most limit bytes, or says why not. One
// that is named and not there could not be read.
func (b *bench) readManifest(d digest.Digest, limit int) (m *artifact.Manifest, problem *policy.Finding, size int) {
	f := policy.Finding{Outcome: policy.Deny, Digest: d, Judge: name}
	mediaType, raw, err := b.reader.Manifest(b.ctx, d)
	switch {
	case err != nil:
		f = unread(d, "the manifest", err)
	case len(raw) > limit:
		f = unread(d, "the manifest", fmt.Errorf("it has %d bytes, and at most %d are read", len(raw), limit)) // what was not looked at is not known
	case digest.FromBytes(raw) != d && d.Algorithm() == digest.SHA256:
		f = unread(d, "the manifest", fmt.Errorf("its bytes have digest %s", digest.FromBytes(raw)))
	default:
		m, err := artifact.ParseManifest(mediaType, raw)
		if err == nil {
			return m, nil, len(raw)
		}
		f.Code, f.Detail = policy.CodeMalformed, clipped(trimKind(err))
	}
	return nil, &f, len(f.Detail)
}

func trimKind(err error) string {
	return strings.TrimSuffix(err.Error(), ": "+artifact.ErrInvalid.Error())
}
