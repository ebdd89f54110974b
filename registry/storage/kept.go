package storage

import (
	"context"
	"errors"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// A Hold is why a manifest is kept: a tag reaches it, or it refers, over
// other referrers or not, to something that a tag reaches.
type Hold struct {
	Tag    string
	Refers digest.Digest // the subject of the first referrer on the way, or ""
}

// KeptBy finds what keeps the manifest d of repo from being deleted; false when
// nothing does. It goes from the tags, in their order, through indexes and to
// referrers at any depth, and to each manifest once. A tag or manifest that
// cannot be read is an error: what it reaches is not known.
func (s *Storage) KeptBy(ctx context.Context, repo string, d digest.Digest) (Hold, bool, error) {
	names, err := s.TagNames(ctx, repo)
	if err != nil {
		return Hold{}, false, err
	}
	slices.SortFunc(names, CompareTags)
	w := keeping{in: s, repo: repo, kept: map[digest.Digest]Hold{}}
	for _, name := range names {
		to, err := s.ResolveTag(ctx, repo, name)
		if errors.Is(err, artifact.ErrNotFound) {
			continue
		}
		if err == nil {
			err = w.from(ctx, to, Hold{Tag: name})
		}
		if err != nil {
			return Hold{}, false, err
		}
		if by, ok := w.kept[d]; ok {
			return by, true, nil
		}
	}
	return w.subject(ctx, d)
}

// keeping is a walk over all that the tags of a repository keep.
type keeping struct {
	in   *Storage
	repo string
	kept map[digest.Digest]Hold
}

type kept struct {
	digest digest.Digest
	by     Hold
}

// from adds d and all that is kept with it.
func (w *keeping) from(ctx context.Context, d digest.Digest, by Hold) error {
	for todo := []kept{{d, by}}; len(todo) > 0; todo = todo[1:] {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := todo[0]
		if _, seen := w.kept[at.digest]; seen {
			continue
		}
		w.kept[at.digest] = at.by
		more, err := w.with(ctx, at)
		if err != nil {
			return err
		}
		todo = append(todo, more...)
	}
	return nil
}

// with lists what is kept because at is: its children, and what refers to it
// under any of its digests.
func (w *keeping) with(ctx context.Context, at kept) ([]kept, error) {
	m, err := w.in.ManifestContent(ctx, w.repo, at.digest)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []kept
	if m.IsIndex() {
		for _, child := range m.Manifests {
			to, err := w.in.Revision(ctx, w.repo, child.Digest)
			if errors.Is(err, artifact.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			list = append(list, kept{to, at.by})
		}
	}
	by := at.by
	if by.Refers == "" {
		by.Refers = m.Digest
	}
	for _, name := range []digest.Digest{m.Digest, digest.SHA512.FromBytes(m.Content)} {
		referrers, err := w.in.loadReferrers(ctx, w.repo, name)
		if err != nil {
			return nil, err
		}
		for _, r := range referrers {
			list = append(list, kept{r.Digest, by})
		}
	}
	return list, nil
}

// subject asks what d itself says, for a subject that does not know of it: a
// link may be damaged, and what it would say is then not known.
func (w *keeping) subject(ctx context.Context, d digest.Digest) (Hold, bool, error) {
	m, err := w.in.LoadManifest(ctx, w.repo, d)
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) || err == nil && m.Subject == nil {
		return Hold{}, false, nil
	}
	if err != nil {
		return Hold{}, false, err
	}
	to, err := w.in.Revision(ctx, w.repo, m.Subject.Digest)
	if errors.Is(err, artifact.ErrNotFound) {
		return Hold{}, false, nil
	}
	by, ok := w.kept[to]
	if ok && by.Refers == "" {
		by.Refers = to
	}
	return by, ok, err
}
