package client

import (
	"context"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Verifier says who signed a version and whether that signer is trusted. It
// is asked before a byte of the version is unpacked.
//
// It returns the judgement, of which only index.SignatureVerified lets the
// pull go on. An error that wraps artifact.ErrUnverified means that the
// signature does not hold; any other error means that it could not be told.
// Both deny.
type Verifier interface {
	Verify(ctx context.Context, s Subject) (index.Signature, error)
}

// A Subject is the version that a Verifier judges.
type Subject struct {
	// ID is the plugin that was asked for, whose publisher's trust decides.
	ID artifact.Name
	// Reference is registry/repository@digest.
	Reference string
	// Descriptor is of the manifest, or of the image index, whose signature
	// covers its children. Digest and size are those of Manifest.
	Descriptor ocispec.Descriptor
	// Manifest are the bytes of the manifest or image index.
	Manifest []byte
	// Evidence reads signatures and attestations from the same repository.
	Evidence Evidence
}

// Evidence gives a Verifier what one repository holds. Errors wrap
// artifact.ErrNotFound where something is not there; any other error means
// that it could not be told. Manifests and blobs match their digest.
type Evidence interface {
	// Tag gives the digest that a tag names.
	Tag(ctx context.Context, tag string) (digest.Digest, error)
	// Manifest gives the media type and bytes of a manifest.
	Manifest(ctx context.Context, d digest.Digest) (mediaType string, content []byte, err error)
	// Blob gives a blob of at most limit bytes.
	Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error)
	// Referrers lists the manifests whose subject is d.
	Referrers(ctx context.Context, d digest.Digest) ([]ocispec.Descriptor, error)
}

// verify asks the verifier, where there is one, and denies all but verified.
func (p *Puller) verify(ctx context.Context, s Subject) (index.Signature, error) {
	if p.options.Verifier == nil { // NewPuller made sure that this was asked for
		return index.Signature{Status: index.SignatureUnverified}, nil
	}
	signature, err := p.options.Verifier.Verify(ctx, s)
	if err != nil {
		return signature, fmt.Errorf("%s: signature: %w", s.Reference, err)
	}
	if signature.Status != index.SignatureVerified {
		return signature, fmt.Errorf("%s: signature: %q, expected %q: %w", s.Reference, signature.Status, index.SignatureVerified, artifact.ErrUnverified)
	}
	return signature, nil
}
