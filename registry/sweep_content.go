package registry

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Content is what a stored manifest holds and what it speaks about.
type Content struct {
	References []digest.Digest
	Subject    digest.Digest // or ""
}

// Content reads the manifest that repo stores as d, checked against d and kept
// in no cache. A *Damage means that what it holds is not known: its bytes are
// gone, are others, or are of a form that this registry cannot read.
func (s Sweep) Content(ctx context.Context, repo string, d digest.Digest) (Content, error) {
	m, err := s.manifest(ctx, repo, d)
	if err != nil {
		return Content{}, err
	}
	var c Content
	add := func(d digest.Digest) { c.References = append(c.References, digest.Digest(strings.Clone(d.String()))) }
	if m.Config != nil {
		add(m.Config.Digest)
	}
	for _, l := range m.Layers {
		add(l.Digest)
	}
	for _, child := range m.Manifests {
		add(child.Digest)
	}
	if m.Subject != nil {
		c.Subject = digest.Digest(strings.Clone(m.Subject.Digest.String()))
	}
	return c, nil
}

func (s Sweep) manifest(ctx context.Context, repo string, d digest.Digest) (*manifest, error) {
	at := driver.BlobPath(d)
	bad := func(format string, args ...any) (*manifest, error) {
		return nil, &driver.Damage{Repository: repo, Digest: d, Path: at, What: fmt.Sprintf(format, args...)}
	}
	content, err := s.raw().GetContent(ctx, at)
	switch {
	case driver.IsNotFound(err):
		return bad("the manifest's bytes are missing")
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", at, err)
	}
	if got := d.Algorithm().FromBytes(content); got != d {
		return bad("the manifest's bytes have digest %s", got)
	}
	m, err := readManifest(content)
	if err != nil {
		return bad("not a manifest: %s", err)
	}
	switch m.kind {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, dockerManifest, dockerList:
		if m.SchemaVersion == 2 {
			return m, nil
		}
	}
	return bad("a manifest of schema version %d and type %.100q: what it holds is not known", m.SchemaVersion, m.kind)
}
