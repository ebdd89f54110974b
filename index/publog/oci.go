package publog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// Where the log is carried, after whatever a mirror puts before it.
const (
	Repository = artifact.ReservedPublisher + "/log"
	Tag        = "latest"
)

// The types of what carries the log. Other tools rely on them.
const (
	// TypeProof is a proof (C2SP tlog-proof) that refers to the version that it is
	// about: the type of the artifact, and of its one layer.
	TypeProof = artifact.TypeLogProof
	// TypeLog is the copy of the log: an index of parts, and of a head.
	TypeLog = "application/vnd.oarlock.log.v1"
	// TypePart has partLeaves leaves: hashes, entries and sealed events, a layer
	// for each tile, with its path as title.
	TypePart = "application/vnd.oarlock.log.part.v1"
	// TypeHead has the checkpoint and the tiles above those of parts.
	TypeHead = "application/vnd.oarlock.log.head.v1"

	typeCheckpoint = "application/vnd.oarlock.log.checkpoint.v1"
	typeTile       = "application/vnd.oarlock.log.tile.v1"
	typeEvents     = "application/vnd.oarlock.log.events.v1+sealed"
)

// The annotations of manifests. They are for tools: what counts is what is signed.
const (
	// KeyOrigin is the origin of the log.
	KeyOrigin = "dev.oarlock.log.origin"
	// KeyIndex is the number of the leaf that a proof is about.
	KeyIndex = "dev.oarlock.log.index"
	// KeySignature has the log say itself which proof it attached: SignedProofs.
	KeySignature = "dev.oarlock.log.signature"
	// KeySize is how many leaves a copy, or a part of it, has.
	KeySize = "dev.oarlock.log.size"

	keyPart = "dev.oarlock.log.part"
)

// pushProof attaches a proof of the log with the key to a version.
func pushProof(ctx context.Context, to Registry, repo string, subject ocispec.Descriptor, by *key, p Proof) error {
	layer := layerOf(TypeProof, "proof", []byte(p.String()))
	claim, err := by.claim(subject.Digest, layer)
	if err != nil {
		return err
	}
	subject = ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
	raw, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: TypeProof,
		Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{layer}, Subject: &subject,
		Annotations: map[string]string{KeyOrigin: by.verifier.Name(), KeyIndex: fmt.Sprint(p.Index), KeySignature: claim},
	})
	if err != nil {
		return err
	}
	for _, content := range [][]byte{ocispec.DescriptorEmptyJSON.Data, []byte(p.String())} {
		if err := to.PushBlob(ctx, repo, content); err != nil {
			return err
		}
	}
	return to.PushManifest(ctx, repo, digest.FromBytes(raw).String(), ocispec.MediaTypeImageManifest, raw)
}

// ProofLayer finds the proof in the manifest of one, which may be foreign. Errors
// wrap artifact.ErrInvalid.
func ProofLayer(manifest []byte) (ocispec.Descriptor, error) {
	var m ocispec.Manifest
	if err := artifact.UnmarshalStrict(manifest, &m); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("manifest of a proof: %w: %w", err, artifact.ErrInvalid)
	}
	if m.ArtifactType != TypeProof || len(m.Layers) != 1 || m.Layers[0].MediaType != TypeProof ||
		m.Layers[0].Size > maxProof || m.Layers[0].Digest.Validate() != nil {
		return ocispec.Descriptor{}, fmt.Errorf("manifest of a proof: expected one layer of type %s and at most %d bytes: %w",
			TypeProof, maxProof, artifact.ErrInvalid)
	}
	return m.Layers[0], nil
}

func layerOf(mediaType, title string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content)),
		Annotations: map[string]string{ocispec.AnnotationTitle: title}}
}
