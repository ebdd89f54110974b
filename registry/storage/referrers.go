package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// PutReferrer stores the link from m's subject to m. A manifest without a
// subject needs none.
func (s *Storage) PutReferrer(ctx context.Context, repo string, m *Manifest) error {
	if m.Subject == nil || m.Subject.Digest.Validate() != nil {
		return nil
	}
	content, err := json.Marshal(m.Descriptor())
	if err != nil {
		return err
	}
	at := driver.ReferrerPath(repo, m.Subject.Digest, m.Digest)
	if old, err := s.driver.GetContent(ctx, at); err == nil && string(old) == string(content) {
		return nil
	}
	if err := s.driver.PutContent(ctx, at, content); err != nil {
		return err
	}
	s.referrers.drop(referrersKey(repo, m.Subject.Digest))
	return nil
}

// EnsureReferrer looks, once per process, whether the subject of m knows of m: a
// push that was cut may have left it without. A client that finds m here does
// not push it again, so this is the moment to repair it.
func (s *Storage) EnsureReferrer(ctx context.Context, repo string, m *Manifest) {
	if m.Subject == nil || s.opts.ReadOnly {
		return
	}
	key := repo + "@" + m.Digest.String()
	if _, ok := s.referring.get(key); ok {
		return
	}
	began := s.referring.begin()
	unlock, err := s.Lock(ctx, repo, "")
	if err == nil {
		defer unlock()
		_, err = s.ReadLink(ctx, driver.RevisionPath(repo, m.Digest)) // not from memory: a delete may have been faster
	}
	if err == nil {
		err = s.PutReferrer(ctx, repo, m)
	}
	if err != nil {
		s.log.WarnContext(ctx, "registry: whether a subject knows of its referrer is not known", "repository", repo, "digest", m.Digest, "err", err)
		return
	}
	s.referring.put(key, struct{}{}, int64(len(key))+128, began)
}

// RemoveReferrer forgets the link from m's subject to m. The caller holds the
// repository's lock alone; where that was lost meanwhile, the link is put back,
// because somebody may have pushed m again.
func (s *Storage) RemoveReferrer(ctx context.Context, repo string, m *Manifest) error {
	if m.Subject == nil || m.Subject.Digest.Validate() != nil {
		return nil
	}
	err := s.driver.Delete(ctx, driver.ReferrerPath(repo, m.Subject.Digest, m.Digest))
	s.referrers.drop(referrersKey(repo, m.Subject.Digest))
	if err := driver.MissingIsFine(err); err != nil {
		return err
	}
	lost := s.StillAlone(ctx, repo)
	if lost != nil {
		return errors.Join(lost, s.PutReferrer(ctx, repo, m))
	}
	return nil
}

func referrersKey(repo string, subject digest.Digest) string { return repo + "@" + subject.String() }

// Referrers lists the manifests of repo whose subject is subject, ordered by
// digest: those pushed through the API, and those that an index under the
// referrers tag of the subject names and whose subject says so too, each once.
// An unknown subject has none. What is damaged is left out and logged. The
// annotations must not be changed.
func (s *Storage) Referrers(ctx context.Context, repo string, subject digest.Digest) ([]ocispec.Descriptor, error) {
	if err := CheckRepository(repo); err != nil {
		return nil, err
	}
	if _, err := ParseDigest(subject.String()); err != nil {
		return nil, err
	}
	list, err := s.ReferrersOf(ctx, repo, subject)
	return slices.Clone(list.descriptors), err
}

// A ReferrerList is what one subject has, ordered by digest, and the same as
// JSON, one by one.
type ReferrerList struct {
	descriptors []ocispec.Descriptor
	encoded     [][]byte
	first       ReferrersPage // what is asked for without parameters
}

// ReferrersOf is what refers to subject in repo, from memory where it was asked
// before.
func (s *Storage) ReferrersOf(ctx context.Context, repo string, subject digest.Digest) (ReferrerList, error) {
	key := referrersKey(repo, subject)
	if list, ok := s.referrers.get(key); ok {
		return list, nil
	}
	began := s.referrers.begin()
	found, err := s.loadReferrers(ctx, repo, subject)
	if err != nil {
		return ReferrerList{}, err
	}
	list, weight := ReferrerList{descriptors: found}, int64(256)
	for _, d := range found {
		one, err := json.Marshal(d)
		if err != nil {
			return ReferrerList{}, err
		}
		list.encoded = append(list.encoded, one)
		weight += 512 + 2*int64(len(one))
	}
	list.first = list.write("", -1, "")
	weight += int64(len(list.first.Body))
	s.referrers.put(key, list, weight, began)
	return list, nil
}

func (s *Storage) loadReferrers(ctx context.Context, repo string, subject digest.Digest) ([]ocispec.Descriptor, error) {
	dir := driver.SubjectDir(repo, subject)
	entries, err := s.driver.List(ctx, dir)
	if err != nil && !driver.IsNotFound(err) {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	found, err := s.readReferrers(ctx, repo, subject, entries)
	if err != nil {
		return nil, err
	}
	if err := s.mergeFallback(ctx, repo, subject, found); err != nil {
		return nil, err
	}
	list := make([]ocispec.Descriptor, 0, len(found))
	for _, desc := range found {
		list = append(list, desc)
	}
	slices.SortFunc(list, func(a, b ocispec.Descriptor) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	return list, nil
}

// readReferrers reads the links at entries: several at once where each is a
// request to somebody else.
func (s *Storage) readReferrers(ctx context.Context, repo string, subject digest.Digest, entries []string) (map[digest.Digest]ocispec.Descriptor, error) {
	var mu sync.Mutex
	found := map[digest.Digest]ocispec.Descriptor{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	if s.driver.Root() != "" {
		group.SetLimit(1)
	}
	for _, at := range entries {
		d, ok := driver.LinkName(at)
		if !ok {
			continue
		}
		group.Go(func() error {
			desc, err := s.readReferrer(ctx, repo, subject, d, at)
			if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
				s.log.ErrorContext(ctx, "registry: referrer left out", "repository", repo, "subject", subject, "referrer", d, "err", err)
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found[d] = desc
			return nil
		})
	}
	return found, group.Wait()
}

// readReferrer reads one link that was just listed. A link that does not hold what it should is
// answered from the referrer's own manifest.
func (s *Storage) readReferrer(ctx context.Context, repo string, subject, d digest.Digest, at string) (ocispec.Descriptor, error) {
	if desc, ok := s.listed.get(at); ok {
		return desc, nil
	}
	began := s.listed.begin()
	content, err := s.driver.GetContent(ctx, at)
	if err != nil {
		if driver.IsNotFound(err) {
			return ocispec.Descriptor{}, artifact.ErrNotFound
		}
		return ocispec.Descriptor{}, fmt.Errorf("read %s: %w", at, err)
	}
	var desc ocispec.Descriptor
	if json.Unmarshal(content, &desc) == nil && desc.Digest == d && desc.Size > 0 && desc.MediaType != "" {
		s.listed.put(at, desc, int64(len(at)+2*len(content)+256), began)
		return desc, nil
	}
	s.log.ErrorContext(ctx, "registry: damaged storage", "repository", repo, "subject", subject, "digest", d, "path", at, "what", "the referrer link is no descriptor; answered from the manifest")
	m, err := s.LoadManifest(ctx, repo, d)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if m.Subject == nil || m.Subject.Digest != subject {
		return ocispec.Descriptor{}, &driver.Damage{Repository: repo, Digest: d, Path: at, What: "links a manifest that has another subject"}
	}
	return m.Descriptor(), nil
}

// DropFallback forgets the referrers that a changed referrers tag fed.
func (s *Storage) DropFallback(repo, tag string) {
	t, err := artifact.ParseTag(tag)
	switch {
	case err != nil || t.Kind() != artifact.TagDigest || t.Suffix() != "":
	case t.Subject() == "": // half of a digest is in the tag
		s.referrers.clear()
	default:
		s.referrers.drop(referrersKey(repo, t.Subject()))
	}
}
