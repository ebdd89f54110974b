package client

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index"
)

// wanted says what must come; what is empty may be anything.
type wanted struct {
	id       artifact.Name
	version  string
	digest   digest.Digest
	platform digest.Digest // the build that a catalog promised
}

// A verified version may be unpacked: its signature holds, and manifest is a
// manifest of exactly the plugin that was wanted, for our platform.
type verified struct {
	at        *repository
	digest    digest.Digest
	manifest  *artifact.Manifest
	plugin    *artifact.Plugin
	signature index.Signature
}

func (v *verified) reference() string { return v.at.name + "@" + v.digest.String() }

func (p *Puller) pull(ctx context.Context, at *repository, w wanted, dir string) (*Pulled, error) {
	dir, err := mustBeFree(dir)
	if err != nil {
		return nil, err
	}
	v, err := p.verified(ctx, at, w)
	if err != nil {
		return nil, err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	staging, err := os.MkdirTemp(parent, ".pull-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(staging)
	files := filepath.Join(staging, "files")
	size, err := p.fill(ctx, v, files)
	if err != nil {
		return nil, err
	}
	if err := durable.SyncTree(files); err != nil {
		return nil, err
	}
	if err := moveInto(files, dir); err != nil {
		return nil, err
	}
	return v.pulled(size), nil
}

func (v *verified) pulled(size int64) *Pulled {
	return &Pulled{Reference: v.reference(), Digest: v.digest, PlatformDigest: v.manifest.Descriptor.Digest,
		Plugin: v.plugin, Signature: v.signature, Size: size}
}

// verified fetches what says what the version is, asks the Verifier and checks
// that it is what was wanted. No content is fetched.
func (p *Puller) verified(ctx context.Context, at *repository, w wanted) (*verified, error) {
	mediaType, raw, err := at.Manifest(ctx, w.digest)
	if err != nil {
		return nil, err
	}
	v := &verified{at: at, digest: w.digest}
	root, err := artifact.ParseManifest(mediaType, raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.reference(), err)
	}
	root.Descriptor.Digest = w.digest
	v.signature, err = p.verify(ctx, Subject{ID: w.id, Reference: v.reference(), Descriptor: root.Descriptor, Manifest: raw, Evidence: at})
	if err != nil {
		return nil, err
	}
	if err := p.build(ctx, v, root, raw, w.platform); err != nil {
		return nil, fmt.Errorf("%s: %w", v.reference(), err)
	}
	switch {
	case v.plugin.ID != w.id:
		return nil, fmt.Errorf("%s: holds plugin %q, expected %q: %w", v.reference(), v.plugin.ID, w.id, artifact.ErrUnverified)
	case w.version != "" && v.plugin.Version.String() != w.version:
		return nil, fmt.Errorf("%s: holds version %q, expected %q: %w", v.reference(), v.plugin.Version, w.version, artifact.ErrUnverified)
	}
	return v, nil
}

// build finds the manifest for our platform: root itself, or a child of it,
// which is trusted because root names its digest.
func (p *Puller) build(ctx context.Context, v *verified, root *artifact.Manifest, raw []byte, want digest.Digest) error {
	if !root.IsPlugin() {
		return fmt.Errorf("artifactType %q, expected %q: %w", root.ArtifactType, artifact.TypePlugin, artifact.ErrInvalid)
	}
	at := root.Descriptor
	if root.IsIndex() {
		child, err := childFor(root, p.options.Platform, want)
		if err != nil {
			return err
		}
		if raw, err = fetchExactly(ctx, v.at, child); err != nil {
			return err
		}
		at = child
	} else if want != "" && want != v.digest {
		return fmt.Errorf("the catalog's build %s is not in it, and it is no image index: %w", want, artifact.ErrUnverified)
	}
	content, err := artifact.ReadContent(ctx, at.MediaType, raw, v.at.fetch)
	if err != nil {
		return err
	}
	if content.Manifest.IsIndex() {
		return fmt.Errorf("%s is an image index inside an image index: %w", at.Digest, artifact.ErrInvalid)
	}
	content.Manifest.Descriptor.Digest = at.Digest
	v.manifest, v.plugin = content.Manifest, content.Plugin
	if !root.IsIndex() {
		return runsOn(v.plugin, p.options.Platform)
	}
	if odd := artifact.Disagreements(v.plugin, root.Annotations); len(odd) > 0 {
		return fmt.Errorf("image index and build %s: %w", at.Digest, &artifact.ProblemsError{Problems: odd})
	}
	return nil
}

// fetchExactly fetches a manifest and checks size and digest.
func fetchExactly(ctx context.Context, at *repository, d ocispec.Descriptor) ([]byte, error) {
	if d.MediaType != ocispec.MediaTypeImageManifest {
		return nil, fmt.Errorf("build %s: media type %q, expected %q: %w", d.Digest, d.MediaType, ocispec.MediaTypeImageManifest, artifact.ErrInvalid)
	}
	_, raw, err := at.Manifest(ctx, d.Digest)
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) != d.Size {
		return nil, fmt.Errorf("build %s: %d bytes came, its descriptor says %d: %w", d.Digest, len(raw), d.Size, artifact.ErrUnverified)
	}
	return raw, nil
}
