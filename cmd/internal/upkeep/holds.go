package upkeep

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/emergency"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
)

var (
	_ emergency.Holds    = Stored{}
	_ emergency.Registry = Stored{}
)

func blockOf(h emergency.Hold) block.Block {
	return block.Block{Repository: h.Repository, Digest: h.Digest, Tag: h.Tag, Code: cmp.Or(h.Code, index.ReasonEmergency), Reason: h.Reason, By: h.By, At: h.At,
		Until: h.Until, Emergency: h.Emergency, Pushes: h.Digest == ""}
}

// Hold implements emergency.Holds.
func (s Stored) Hold(ctx context.Context, h emergency.Hold) error {
	_, err := s.Blocks.Block(ctx, blockOf(h))
	return err
}

// Held implements emergency.Holds.
func (s Stored) Held(ctx context.Context, h emergency.Hold) (emergency.Hold, bool, error) {
	b, is, err := s.Blocks.Named(ctx, blockOf(h))
	return emergency.Hold{Repository: b.Repository, Digest: b.Digest, Tag: b.Tag, Emergency: b.Emergency, Code: b.Code, Reason: b.Reason, By: b.By, At: b.At,
		Until: b.Until}, is, err
}

// Release implements emergency.Holds.
func (s Stored) Release(ctx context.Context, h emergency.Hold) error {
	return s.Blocks.Unblock(ctx, blockOf(h))
}

// Resolve implements emergency.Registry.
func (s Stored) Resolve(ctx context.Context, repo, reference string) (digest.Digest, error) {
	d, err := s.Storage.Resolve(ctx, repo, reference)
	if errors.Is(err, artifact.ErrUnverified) { // a damaged tag names nothing that could be stopped
		return "", err
	}
	return d, err
}

// Manifests implements emergency.Registry. A manifest whose bytes are damaged is itself.
func (s Stored) Manifests(ctx context.Context, repo string, d digest.Digest) ([]digest.Digest, error) {
	at, err := s.Storage.Revision(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	m, err := s.Storage.ManifestContent(ctx, repo, at)
	switch {
	case errors.Is(err, artifact.ErrUnverified):
		return []digest.Digest{at}, nil
	case err != nil:
		return nil, err
	case m.ArtifactType == artifact.TypeStatement || m.Subject != nil && m.ArtifactType != artifact.TypePlugin:
		return nil, artifact.ErrNotFound // it speaks about the plugin, and stays readable
	}
	return with(m), nil
}

// with are an index and its children, or a manifest alone.
func with(m *storage.Manifest) []digest.Digest {
	out := []digest.Digest{m.Digest}
	if m.IsIndex() {
		for _, child := range m.Manifests {
			if child.Digest.Validate() == nil && !slices.Contains(out, child.Digest) {
				out = append(out, child.Digest)
			}
		}
	}
	return out
}

// AllManifests implements emergency.Registry: what says that it is a plugin, and what
// versions and channels are, whatever it says.
func (s Stored) AllManifests(ctx context.Context, repo string) ([]digest.Digest, error) {
	all := map[digest.Digest]bool{}
	add := func(m *storage.Manifest) {
		for _, d := range with(m) {
			all[d] = true
		}
	}
	err := s.Storage.Revisions(ctx, repo, func(d digest.Digest) error {
		m, err := s.Storage.ManifestContent(ctx, repo, d)
		if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
			return nil // a damaged one is found by its tag
		}
		if err == nil && m.ArtifactType == artifact.TypePlugin {
			add(m)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	names, err := s.Storage.TagNames(ctx, repo)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		t, err := artifact.ParseTag(name)
		if err != nil || t.Kind() != artifact.TagVersion && t.Kind() != artifact.TagChannel {
			continue
		}
		d, err := s.Storage.ResolveTag(ctx, repo, name)
		if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all[d] = true
		if m, err := s.Storage.ManifestContent(ctx, repo, d); err == nil {
			add(m)
		} else if !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified) {
			return nil, err
		}
	}
	out := make([]digest.Digest, 0, len(all))
	for d := range all {
		out = append(out, d)
	}
	slices.Sort(out)
	return out, nil
}
