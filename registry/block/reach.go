package block

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
)

// exemptFor is how long a replica believes what it derived of a repository
// that others push to.
const exemptFor = 30 * time.Second

// Check refuses d when it is blocked in repo. What is asked for as a blob
// and merely held by a blocked manifest is not found by HEAD, so that a push of
// another manifest that holds it too sends it again.
func (bs *Blocks) Check(ctx context.Context, repo string, d digest.Digest, blob bool) error {
	if err := bs.blocksKnown(); err != nil {
		return err
	}
	set := bs.current.Load()
	if len(set.list) == 0 {
		return nil
	}
	b, sure, ok := set.find(repo, d)
	if !ok {
		return nil
	}
	no := b.refusal(repo, d)
	if !sure {
		free, err := bs.exemptIn(ctx, set, repo)
		if err != nil {
			return storage.CouldNotTell(fmt.Sprintf("whether %s of %s is blocked", d, repo), err)
		}
		if free[d] {
			return nil
		}
		if blob {
			no.Head = http.StatusNotFound
		}
	}
	return no
}

// cover lists what the manifest d holds, by reading bytes wherever they came
// from. What is no manifest holds nothing.
func (bs *Blocks) cover(ctx context.Context, repo string, d digest.Digest) ([]digest.Digest, error) {
	var covered []digest.Digest
	seen := map[digest.Digest]bool{d: true}
	var unread error
	take := func(d digest.Digest) {
		if !seen[d] {
			seen[d], covered = true, append(covered, d)
		}
	}
	for queue := []digest.Digest{d}; len(queue) > 0; queue = queue[1:] {
		m, err := bs.store.ManifestBytes(ctx, queue[0])
		if err != nil {
			unread = errors.Join(unread, err)
		}
		if m == nil {
			continue
		}
		for _, ref := range m.References() {
			if seen[ref.Digest] || ref.Digest.Validate() != nil {
				continue
			}
			if len(seen) >= storage.MaxReached {
				return covered, fmt.Errorf("%s holds more than %d things: %w", d, storage.MaxReached, artifact.ErrUnverified)
			}
			take(ref.Digest)
			to, err := bs.leadsTo(ctx, repo, ref.Digest)
			if err != nil {
				unread = errors.Join(unread, err)
			}
			if to == "" {
				continue // it is not here
			}
			take(to)
			if m.IsIndex() {
				queue = append(queue, to)
			}
		}
	}
	return covered, unread
}

// leadsTo is the digest under which is kept what a manifest of repo names d,
// which is the one that reads ask about; "" where nothing is here by that name.
// A manifest that is blocked everywhere is of no repository, so any that knows
// the name will do: all give it to the same bytes.
func (bs *Blocks) leadsTo(ctx context.Context, repo string, d digest.Digest) (digest.Digest, error) {
	if d.Algorithm() == digest.SHA256 || repo != "" {
		to, err := bs.stored(ctx, repo, d)
		if errors.Is(err, artifact.ErrInvalid) {
			return "", nil
		}
		return to, err
	}
	var to digest.Digest
	var damaged error
	found := errors.New("found")
	err := bs.store.Repositories(ctx, func(repo string) (err error) {
		to, err = bs.leadsTo(ctx, repo, d)
		if errors.Is(err, artifact.ErrUnverified) {
			damaged = err
			return nil
		}
		if err == nil && to != "" {
			return found
		}
		return err
	})
	if errors.Is(err, found) {
		return to, nil
	}
	return "", errors.Join(err, damaged)
}

// exemption is what manifests that are not blocked hold in one repository.
type exemption struct {
	digests map[digest.Digest]bool
	at      time.Time
}

// exemptIn derives what stays readable in repo although a blocked manifest
// holds it, or although all of the repository is blocked.
func (bs *Blocks) exemptIn(ctx context.Context, set *blockSet, repo string) (map[digest.Digest]bool, error) {
	if have, ok := set.exempt.Load(repo); ok {
		if s := have.(*exemption); !bs.store.Replicated() || time.Since(s.at) < exemptFor {
			return s.digests, nil
		}
	}
	found, err, _ := set.exempting.Do(repo, func() (any, error) {
		before, s := set.pushes.Load(), &exemption{digests: map[digest.Digest]bool{}, at: time.Now()}
		err := bs.exempt(context.WithoutCancel(ctx), set, repo, s.digests)
		if err == nil && before == set.pushes.Load() {
			set.exempt.Store(repo, s)
		}
		return s.digests, err
	})
	return found.(map[digest.Digest]bool), err
}

// exempt adds to free what manifests of repo hold that no block names or covers.
func (bs *Blocks) exempt(ctx context.Context, set *blockSet, repo string, free map[digest.Digest]bool) error {
	if _, whole := set.named[blockKey{repo, ""}]; whole {
		return bs.exemptSpeaking(ctx, set, repo, free)
	}
	return bs.eachManifest(ctx, repo, func(m *storage.Manifest) error {
		if _, _, blocked := set.find(repo, m.Digest); blocked {
			return nil
		}
		return bs.free(ctx, set, repo, m, free)
	})
}

// eachManifest calls fn for every manifest of repo that can be read; one that
// is missing or damaged holds nothing that is known.
func (bs *Blocks) eachManifest(ctx context.Context, repo string, fn func(*storage.Manifest) error) error {
	return bs.store.Revisions(ctx, repo, func(d digest.Digest) error {
		m, err := bs.store.ManifestContent(ctx, repo, d)
		if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
			return nil
		}
		if err != nil {
			return err
		}
		return fn(m)
	})
}

// free adds m and what it holds, but for what a block names.
func (bs *Blocks) free(ctx context.Context, set *blockSet, repo string, m *storage.Manifest, free map[digest.Digest]bool) error {
	if free[m.Digest] {
		return nil
	}
	if _, named, _ := set.find(repo, m.Digest); named {
		return nil
	}
	free[m.Digest] = true
	for _, ref := range m.References() {
		if !m.IsIndex() {
			free[ref.Digest] = true
			if to, err := bs.leadsTo(ctx, repo, ref.Digest); err == nil && to != "" {
				free[to] = true
			}
			continue
		}
		child, err := bs.store.ManifestContent(ctx, repo, ref.Digest)
		if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
			continue
		}
		if err == nil {
			err = bs.free(ctx, set, repo, child, free)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
