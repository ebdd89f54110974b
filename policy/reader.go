package policy

import (
	"context"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Reader gives judges the evidence that one repository holds. Errors wrap
// artifact.ErrNotFound where something is not there; any other error means
// that it could not be told.
type Reader interface {
	// Tag gives the digest that a tag names.
	Tag(ctx context.Context, tag string) (digest.Digest, error)
	// Manifest gives the media type and bytes of a manifest.
	Manifest(ctx context.Context, d digest.Digest) (mediaType string, content []byte, err error)
	// Blob gives a blob of at most limit bytes.
	Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error)
	// Referrers lists the manifests whose subject is d.
	Referrers(ctx context.Context, d digest.Digest) ([]ocispec.Descriptor, error)
}

// A Subject is what is judged.
type Subject struct {
	// Publisher is the namespace whose trust decides.
	Publisher string
	Digest    digest.Digest
	// Within is an image index that is said to hold Digest, or "". A signature
	// over it covers its children.
	Within digest.Digest
	// LedgerKeys are what the publisher's ledger says, for a trust that counts
	// its keys; nil is that nobody read it, which is could not tell.
	LedgerKeys *LedgerKeys
}
