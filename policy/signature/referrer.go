package signature

import (
	"context"
	"encoding/json"

	gcrname "github.com/google/go-containerregistry/pkg/name"
	gcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/oci"
)

// writeReferrer stores a signature or an attestation as cosign 2 does in OCI
// 1.1 mode: a manifest of the given type whose subject is what was signed. Where the registry has no
// referrers API, the fallback tag names it too.
func writeReferrer(ctx context.Context, r Remote, ref gcrname.Digest, signed oci.Signature, artifactType string) error {
	opts := r.options(ctx)
	subject, err := remote.Head(ref, opts...)
	if err != nil {
		return err
	}
	config := static.NewLayer([]byte("{}"), types.MediaType(artifactType))
	for _, layer := range []gcr.Layer{signed, config} {
		if err := remote.WriteLayer(ref.Repository, layer, opts...); err != nil {
			return err
		}
	}
	layer, err := described(signed)
	if err != nil {
		return err
	}
	if layer.Annotations, err = signed.Annotations(); err != nil {
		return err
	}
	about, err := described(config)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(typedManifest{gcr.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: about, Layers: []gcr.Descriptor{layer}, Subject: subject}, artifactType})
	if err != nil {
		return err
	}
	return remote.Put(ref.Context().Digest(digest.FromBytes(raw).String()), rawManifest(raw), opts...)
}

func described(layer gcr.Layer) (d gcr.Descriptor, err error) {
	if d.MediaType, err = layer.MediaType(); err != nil {
		return d, err
	}
	if d.Digest, err = layer.Digest(); err != nil {
		return d, err
	}
	d.Size, err = layer.Size()
	return d, err
}

type typedManifest struct {
	gcr.Manifest
	ArtifactType string `json:"artifactType"`
}

type rawManifest []byte

func (m rawManifest) RawManifest() ([]byte, error) { return m, nil }

func (m rawManifest) MediaType() (types.MediaType, error) { return ocispec.MediaTypeImageManifest, nil }
