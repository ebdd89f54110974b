package signature

import (
	"encoding/base64"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/sigstore/pkg/signature/payload"
)

// trySimple looks at a cosign signature manifest: one layer for each
// signature, whose payload is the layer and whose signature its annotation.
func (t *trial) trySimple(m *artifact.Manifest, format string) {
	at := m.Descriptor.Digest
	if len(m.Layers) == 0 {
		t.say(at, policy.CodeMalformed, "the manifest has no layer, expected one for each signature")
	}
	for i, layer := range m.Layers {
		t.tryLayer(at, i, layer, format)
	}
}

// tryLayer looks at the signature of one layer, unless it was met before.
func (t *trial) tryLayer(at digest.Digest, i int, layer ocispec.Descriptor, format string) {
	if !t.count(proofOf(layer)) || t.ctx.Err() != nil {
		return
	}
	t.fold(at, fmt.Sprintf("layer %d", i), format, t.simple(layer))
}

// simple is the verdict about one signature.
func (t *trial) simple(layer ocispec.Descriptor) verdict {
	encoded := layer.Annotations[static.SignatureAnnotationKey]
	switch {
	case layer.MediaType != artifact.TypeSimpleSigning:
		return denied(policy.CodeMalformed, fmt.Sprintf("media type %.100q, expected %q", layer.MediaType, artifact.TypeSimpleSigning))
	case layer.Size > MaxPayload:
		return denied(policy.CodeTooLarge, fmt.Sprintf("the payload has %d bytes, expected at most %d", layer.Size, MaxPayload))
	case encoded == "":
		return denied(policy.CodeMalformed, fmt.Sprintf("no annotation %q", static.SignatureAnnotationKey))
	}
	if _, err := base64.StdEncoding.DecodeString(encoded); err != nil {
		return denied(policy.CodeMalformed, fmt.Sprintf("the signature is not base64: %s", err))
	}
	return t.judged("simple", layer, func() verdict { return t.trySimpleLayer(layer, encoded) })
}

func (t *trial) trySimpleLayer(layer ocispec.Descriptor, encoded string) verdict {
	content, problem := t.blob("the payload", layer, MaxPayload)
	if problem != nil {
		return unknown(problem)
	}
	var claim payload.SimpleContainerImage
	if err := artifact.UnmarshalStrict(content, &claim); err != nil {
		return denied(policy.CodeMalformed, fmt.Sprintf("the payload is not a simple-signing document: %s", err))
	}
	if said := claim.Critical.Image.DockerManifestDigest; said != t.subject.String() {
		return denied(policy.CodeOtherDigest, fmt.Sprintf("the signature is for %.100q", said))
	}
	signer, err := t.signedBy(simpleForm(content, encoded), layer)
	if err != nil {
		return denied(codeOf(err), err.Error())
	}
	return verdict{outcome: policy.Allow, signer: signer}
}

// blob reads a layer of evidence, or says why not.
func (t *trial) blob(what string, layer ocispec.Descriptor, limit int64) ([]byte, *policy.Finding) {
	content, err := t.reader.Blob(t.ctx, layer.Digest, limit)
	if err == nil && (int64(len(content)) != layer.Size || layer.Digest.Algorithm().FromBytes(content) != layer.Digest) {
		err = fmt.Errorf("its %d bytes are not those of %s", len(content), layer.Digest)
	}
	if err != nil {
		f := unread("", what, err)
		return nil, &f
	}
	return content, nil
}

// guard makes an error of a panic: the libraries below read foreign bytes.
func guard(verify func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("verification: %v: %w", r, artifact.ErrInvalid)
		}
	}()
	return verify()
}
