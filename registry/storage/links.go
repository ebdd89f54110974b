package storage

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// ReadLink reads a file that holds a digest. A missing one is ErrNotFound,
// another content a *Damage.
func (s *Storage) ReadLink(ctx context.Context, at string) (digest.Digest, error) {
	content, err := s.driver.GetContent(ctx, at)
	if driver.IsNotFound(err) || err == nil && len(content) == 0 {
		return "", artifact.ErrNotFound // empty: being written, or left by a power cut, and acknowledged by nobody
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", at, err)
	}
	return parseLink(at, string(content))
}

func parseLink(at, content string) (digest.Digest, error) {
	d, err := digest.Parse(content)
	if err != nil {
		return "", &driver.Damage{Path: at, What: fmt.Sprintf("is a link with content %.80q, expected a digest", content)}
	}
	return d, nil
}

// cachedLink is ReadLink from memory where this process is the only writer. What is
// not there is never remembered.
func (s *Storage) cachedLink(ctx context.Context, at string) (digest.Digest, error) {
	if d, ok := s.linkCache.get(at); ok {
		return d, nil
	}
	began := s.linkCache.begin()
	d, err := s.ReadLink(ctx, at)
	if err == nil {
		s.linkCache.put(at, d, int64(len(at)+len(d)+128), began)
	}
	return d, err
}

// PutLink writes a link, and what is remembered of it is forgotten.
func (s *Storage) PutLink(ctx context.Context, at string, d digest.Digest) error {
	defer s.linkCache.drop(at)
	return s.driver.PutContent(ctx, at, []byte(d))
}

// DeleteLink removes the folder of a link, or one above it.
func (s *Storage) DeleteLink(ctx context.Context, dir, at string) error {
	defer s.linkCache.drop(at)
	return s.driver.Delete(ctx, dir)
}

// ResolveTag says which manifest tag means; ErrNotFound when none.
func (s *Storage) ResolveTag(ctx context.Context, repo, tag string) (digest.Digest, error) {
	d, err := s.cachedLink(ctx, driver.TagPath(repo, tag))
	return d, Placed(err, repo, tag, "")
}

// Placed names in a damage what it happened to.
func Placed(err error, repo, tag string, d digest.Digest) error {
	var damage *driver.Damage
	if errors.As(err, &damage) {
		damage.Repository, damage.Tag = repo, tag
		if d != "" {
			damage.Digest = d
		}
	}
	return err
}

// Revision is the digest under which the manifest d of repo is stored: d
// itself, or its sha256 where d is another algorithm's. ErrNotFound when the
// manifest does not belong to repo.
func (s *Storage) Revision(ctx context.Context, repo string, d digest.Digest) (digest.Digest, error) {
	to, err := s.cachedLink(ctx, driver.RevisionPath(repo, d))
	return to, Placed(err, repo, "", d)
}

// HeldTag is ResolveTag, and what its file held, for SetTag.
func (s *Storage) HeldTag(ctx context.Context, repo, tag string) (digest.Digest, driver.Held, error) {
	if !s.driver.Fenced() {
		d, err := s.ResolveTag(ctx, repo, tag)
		return d, driver.Held{}, err
	}
	at := driver.TagPath(repo, tag)
	was, err := s.driver.ReadHeld(ctx, at)
	if err != nil {
		return "", was, fmt.Errorf("read %s: %w", at, err)
	}
	if was.Content == "" {
		return "", was, artifact.ErrNotFound // as in readLink
	}
	d, err := parseLink(at, was.Content)
	return d, was, Placed(err, repo, tag, "")
}

// SetTag makes tag mean d, where it still means what it did when was was read.
// That somebody else made it mean the same is a success; anything else is a
// *MovedTag.
func (s *Storage) SetTag(ctx context.Context, repo, tag string, d digest.Digest, was driver.Held) error {
	at := driver.TagPath(repo, tag)
	defer s.linkCache.drop(at)
	err := s.driver.ReplaceHeld(ctx, at, []byte(d), was)
	if !errors.Is(err, driver.ErrMoved) {
		return err
	}
	have, _, err := s.HeldTag(ctx, repo, tag)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return CouldNotTell(fmt.Sprintf("what tag %q of %s holds", tag, repo), err)
	}
	if have == d {
		return nil
	}
	return &MovedTag{Tag: tag, Have: have}
}

// A MovedTag says that somebody else changed a tag since it was read: it means
// Have now, or nothing. It wraps artifact.ErrConflict.
type MovedTag struct {
	Tag  string
	Have digest.Digest
}

func (m *MovedTag) Error() string {
	if m.Have == "" {
		return fmt.Sprintf("tag %q was removed by somebody else meanwhile", m.Tag)
	}
	return fmt.Sprintf("tag %q was changed by somebody else meanwhile: it holds %s", m.Tag, m.Have)
}

// Unwrap makes errors.Is(err, artifact.ErrConflict) hold.
func (m *MovedTag) Unwrap() error { return artifact.ErrConflict }

// RemoveTag forgets tag, where it still means what it did when was was read;
// ErrNotFound when there is none, and a *MovedTag where somebody else made it
// mean something meanwhile.
func (s *Storage) RemoveTag(ctx context.Context, repo, tag string, was driver.Held) error {
	at := driver.TagPath(repo, tag)
	defer s.linkCache.drop(at)
	err := s.driver.DeleteHeld(ctx, driver.TagDir(repo, tag), at, was)
	if driver.IsNotFound(err) {
		return artifact.ErrNotFound
	}
	if !errors.Is(err, driver.ErrMoved) {
		return err
	}
	have, _, err := s.HeldTag(ctx, repo, tag)
	if errors.Is(err, artifact.ErrNotFound) {
		return artifact.ErrNotFound
	}
	if err != nil {
		return CouldNotTell(fmt.Sprintf("what tag %q of %s holds", tag, repo), err)
	}
	return &MovedTag{Tag: tag, Have: have}
}

// TagNames lists the tags of repo in no order. A name may be there without a
// meaning, where a push or a delete was cut; ResolveTag tells.
func (s *Storage) TagNames(ctx context.Context, repo string) ([]string, error) {
	entries, err := s.driver.List(ctx, driver.TagsDir(repo))
	if driver.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", driver.TagsDir(repo), err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, path.Base(e))
	}
	return names, nil
}

// Revisions calls fn for every manifest of repo under its sha256 digest.
func (s *Storage) Revisions(ctx context.Context, repo string, fn func(digest.Digest) error) error {
	dir := path.Join(driver.RevisionsDir(repo), digest.SHA256.String())
	entries, err := s.driver.List(ctx, dir)
	if driver.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	for _, e := range entries {
		d := digest.NewDigestFromEncoded(digest.SHA256, path.Base(e))
		if d.Validate() != nil {
			continue
		}
		if err := fn(d); err != nil {
			return err
		}
	}
	return nil
}

// Layer is the digest under which the blob d of repo is stored; ErrNotFound
// when the blob does not belong to repo.
func (s *Storage) Layer(ctx context.Context, repo string, d digest.Digest) (digest.Digest, error) {
	to, err := s.cachedLink(ctx, driver.LayerPath(repo, d))
	return to, Placed(err, repo, "", d)
}

// ForgetRevision removes the revision link of d and those of other algorithms
// that lead to it. The bytes are left to garbage collection. An error means that
// d may still be read by another name.
func (s *Storage) ForgetRevision(ctx context.Context, repo string, d digest.Digest) error {
	defer s.manifests.drop(repo + "@" + d.String())
	return s.forgetAll(ctx, repo, driver.ManifestLink, d)
}

// ForgetLayer is ForgetRevision of a blob.
func (s *Storage) ForgetLayer(ctx context.Context, repo string, d digest.Digest) error {
	return s.forgetAll(ctx, repo, driver.BlobLink, d)
}

// forgetAll removes the links of kind that lead to d, that of d itself last: as
// long as it is there the delete can be tried again. A damaged link leads
// nowhere, and nothing is read by it.
func (s *Storage) forgetAll(ctx context.Context, repo string, kind driver.LinkKind, d digest.Digest) error {
	dir := path.Join(driver.LinkDir(repo, kind), digest.SHA512.String())
	entries, err := s.driver.List(ctx, dir)
	if err != nil && !driver.IsNotFound(err) {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	for _, e := range entries {
		alias := digest.NewDigestFromEncoded(digest.SHA512, path.Base(e))
		if alias.Validate() != nil || alias == d {
			continue
		}
		to, err := s.ReadLink(ctx, driver.LinkPath(repo, kind, alias))
		if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) || err == nil && to != d {
			continue
		}
		if err != nil {
			return CouldNotTell(fmt.Sprintf("whether %s is another name of %s in %s", alias, d, repo), err)
		}
		err = s.ForgetLink(ctx, repo, kind, alias, d)
		s.manifests.drop(repo + "@" + alias.String())
		if err != nil {
			return err
		}
	}
	return s.ForgetLink(ctx, repo, kind, d, d)
}
