package gc

import (
	"context"
	"strings"

	"github.com/opencontainers/go-digest"
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
	m, err := s.store.ReadPast(ctx, repo, d)
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
