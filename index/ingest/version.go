package ingest

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

// read reads the version that tag names, unjudged. An error that wraps
// ErrInvalid says that it is none; any other, that it could not be told.
func (r *reading) read(ctx context.Context, tag artifact.Tag, d digest.Digest) (*catalog.Version, error) {
	source, repo := r.in.opts.Source, r.id.String()
	mediaType, root, err := source.Manifest(ctx, repo, d)
	if err != nil {
		return nil, unread("manifest", d, err)
	}
	if err := matches(d, root); err != nil {
		return nil, err
	}
	var config digest.Digest
	content, err := artifact.ReadContent(ctx, mediaType, root, func(ctx context.Context, want ocispec.Descriptor) ([]byte, error) {
		if want.MediaType == artifact.TypeConfig {
			if config == "" {
				config = want.Digest
			}
			raw, err := source.Blob(ctx, repo, want.Digest, artifact.MaxConfig)
			return raw, wrapUnread("blob", want.Digest, err)
		}
		_, raw, err := source.Manifest(ctx, repo, want.Digest)
		return raw, wrapUnread("manifest", want.Digest, err)
	})
	if err != nil {
		return nil, err
	}
	if problems := content.Plugin.Misplaced(repo, tag); len(problems) > 0 {
		return nil, &artifact.ProblemsError{Problems: problems}
	}
	v := &catalog.Version{
		Version: tag.Version(), Digest: d, MediaType: mediaType, ArtifactType: content.Manifest.ArtifactType,
		Size: content.Size, Builds: content.Builds,
	}
	if content.Plugin.Readme != "" {
		v.Config = config
	}
	said := *content.Plugin
	said.Readme, said.Changelog = "", ""
	v.Plugin = &said
	return v, nil
}

// unread is the error for bytes that a tag or a manifest names and that could
// not be had. It wraps no kind: that they are not there is damage as well.
func unread(what string, d digest.Digest, err error) error {
	return fmt.Errorf("%s %s could not be read: %s", what, d, err)
}

func wrapUnread(what string, d digest.Digest, err error) error {
	if err == nil {
		return nil
	}
	return unread(what, d, err)
}

// matches says that the bytes of a manifest are damaged where they are.
func matches(d digest.Digest, content []byte) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("digest %q: %s: %w", d, err, artifact.ErrInvalid)
	}
	if got := d.Algorithm().FromBytes(content); got != d {
		return fmt.Errorf("manifest %s is damaged: its bytes have digest %s", d, got)
	}
	return nil
}
