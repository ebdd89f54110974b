package index

import (
	"context"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Source is what the index needs from the registry. Errors wrap
// artifact.ErrNotFound where something is not there; any other error means
// "could not tell", and names what could not be read.
type Source interface {
	// Repositories calls fn for every repository that has held a manifest.
	Repositories(ctx context.Context, fn func(repo string) error) error
	// Tags calls fn for every tag of repo.
	Tags(ctx context.Context, repo string, fn func(tag string, d digest.Digest) error) error
	// Revisions calls fn for every manifest that repo holds, whether a tag means it or not.
	Revisions(ctx context.Context, repo string, fn func(d digest.Digest) error) error
	// Manifest gives the media type and bytes of a manifest; the bytes match d.
	Manifest(ctx context.Context, repo string, d digest.Digest) (mediaType string, content []byte, err error)
	// Blob gives a blob of at most limit bytes; the bytes match d.
	Blob(ctx context.Context, repo string, d digest.Digest, limit int64) ([]byte, error)
	// Referrers lists the manifests of repo whose subject is d.
	Referrers(ctx context.Context, repo string, d digest.Digest) ([]ocispec.Descriptor, error)
}
