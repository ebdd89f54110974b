package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// inRepository is how many links of one repository are restored at once.
const inRepository = 8

// Restore fills to, which serves nobody, with what m says. What is there already is read and kept, so that a restore that was cut
// goes on. Damage of the backup is named, and the rest restored.
func (v *Vault) Restore(ctx context.Context, m *Manifest, to Intake, progress func(Progress)) ([]Damage, error) {
	r := &restoring{v: v, to: to, tell: progress, done: map[digest.Digest]bool{}, at: Progress{Of: len(m.Repositories)}}
	outer := ctx
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for _, repo := range m.Repositories {
		group.Go(func() error {
			if err := r.repository(ctx, repo); err != nil {
				return fmt.Errorf("restore: repository %q: %w", repo.Name, err)
			}
			r.step(func(p *Progress) { p.Repositories++ })
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return r.damage, err
	}
	for _, b := range m.Blocked {
		if err := r.to.Block(outer, b); err != nil {
			return r.damage, fmt.Errorf("restore: %w", err)
		}
	}
	return r.damage, nil
}

type restoring struct {
	v    *Vault
	to   Intake
	tell func(Progress)

	mu     sync.Mutex // guards what follows
	at     Progress
	done   map[digest.Digest]bool
	damage []Damage
}

func (r *restoring) step(change func(*Progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.at)
	if r.tell != nil {
		r.tell(r.at)
	}
}

func (r *restoring) bad(d Damage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.damage = append(r.damage, d)
}

// repository restores bytes, then links, what subjects know, and tags.
func (r *restoring) repository(ctx context.Context, repo Repository) error {
	l, err := r.v.listing(repo)
	if damaged(err) {
		r.bad(Damage{Repository: repo.Name, What: "what it held is not known: " + err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(inRepository)
	for kind, links := range map[driver.LinkKind][]Link{driver.ManifestLink: l.Manifests, driver.BlobLink: l.Blobs} {
		for _, link := range links {
			group.Go(func() error { return r.link(inner, l.Repository, kind, link) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if l.Marked {
		if err := r.to.Mark(ctx, l.Repository); err != nil {
			return err
		}
	}
	for _, link := range l.Manifests {
		if link.Target == "" && !link.Missing {
			if err := r.to.Refer(ctx, l.Repository, link.Digest); err != nil {
				return err
			}
		}
	}
	for _, t := range l.Tags {
		if err := r.to.Tag(ctx, l.Repository, t.Name, t.Digest); err != nil {
			return err
		}
	}
	return nil
}

func (r *restoring) link(ctx context.Context, repo string, kind driver.LinkKind, l Link) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.Missing {
		r.bad(Damage{Repository: repo, Digest: l.Digest, What: "the bytes were missing when the backup was made"})
	} else if err := r.bytes(ctx, Object{l.stored(), l.Size}); damaged(err) {
		r.bad(Damage{Repository: repo, Digest: l.Digest, What: err.Error()})
	} else if err != nil {
		return err
	}
	return r.to.Link(ctx, repo, storage.Link{Kind: kind, Digest: l.Digest, Target: l.stored()})
}

// bytes restores o once.
func (r *restoring) bytes(ctx context.Context, o Object) error {
	r.mu.Lock()
	done := r.done[o.Digest]
	r.mu.Unlock()
	if done {
		return nil
	}
	have, err := r.to.Has(ctx, o.Digest)
	if err != nil {
		return err
	}
	if !have {
		from, err := r.v.open(objects, o)
		if err != nil {
			return err
		}
		if err := errors.Join(r.to.Bytes(ctx, o.Digest, from), from.Close()); err != nil {
			return err
		}
	}
	r.step(func(p *Progress) {
		r.done[o.Digest] = true
		p.Objects++
		p.Bytes += o.Size
	})
	return nil
}

// damaged holds for what the vault should have and has not.
func damaged(err error) bool {
	return errors.Is(err, artifact.ErrUnverified) || errors.Is(err, artifact.ErrNotFound)
}

// listing reads what repo held.
func (v *Vault) listing(repo Repository) (l Listing, err error) {
	content, err := v.read(listings, repo.Listing)
	if err != nil {
		return l, err
	}
	if err := json.Unmarshal(content, &l); err != nil || l.Repository != repo.Name {
		return l, fmt.Errorf("%s: no listing of %q: %w", repo.Listing.Digest, repo.Name, artifact.ErrUnverified)
	}
	for _, links := range [][]Link{l.Manifests, l.Blobs} {
		for _, link := range links {
			if err := errors.Join(link.Digest.Validate(), link.stored().Validate()); err != nil {
				return l, fmt.Errorf("%s: link %.200q: %w: %w", repo.Listing.Digest, link.Digest, err, artifact.ErrUnverified)
			}
		}
	}
	return l, nil
}

// Rows calls add with each part of a table of m, checked.
func (v *Vault) Rows(m *Manifest, table string, add func(lines []byte) error) error {
	if m.Database == nil {
		return nil
	}
	at := slices.IndexFunc(m.Database.Tables, func(t Table) bool { return t.Name == table })
	if at < 0 {
		return fmt.Errorf("table %q: %w", table, artifact.ErrNotFound)
	}
	for _, part := range m.Database.Tables[at].Parts {
		lines, err := v.read(objects, part)
		if err != nil {
			return fmt.Errorf("table %q: %w", table, err)
		}
		if err := add(lines); err != nil {
			return err
		}
	}
	return nil
}

// Content reads a file or policy of a backup, checked.
func (v *Vault) Content(o Object) ([]byte, error) { return v.read(objects, o) }

// View reads what m holds as a registry does.
func (v *Vault) View(ctx context.Context, m *Manifest, o storage.Options) (*storage.Storage, error) {
	h := holder{v: v, repos: map[string]Repository{}}
	for _, repo := range m.Repositories {
		l, err := v.listing(repo)
		if err != nil {
			return nil, fmt.Errorf("repository %q: %w", repo.Name, err)
		}
		h.repos[repo.Name] = repo
		if l.Marked {
			h.names = append(h.names, repo.Name)
		}
	}
	return View(ctx, h, o)
}

type holder struct {
	v     *Vault
	names []string
	repos map[string]Repository
}

func (h holder) Names() []string { return h.names }

func (h holder) Held(_ context.Context, name string) (Held, error) {
	l, err := h.v.listing(h.repos[name])
	if err != nil {
		return Held{}, err
	}
	held := Held{Tags: map[string]digest.Digest{}}
	for _, t := range l.Tags {
		held.Tags[t.Name] = t.Digest
	}
	for kind, links := range map[driver.LinkKind][]Link{driver.ManifestLink: l.Manifests, driver.BlobLink: l.Blobs} {
		for _, link := range links {
			held.Links = append(held.Links, storage.Link{Kind: kind, Digest: link.Digest, Target: link.stored()})
		}
	}
	return held, nil
}

func (h holder) Bytes(d digest.Digest) (io.ReadCloser, error) {
	size, ok, err := h.v.size(objects, d)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s: %w", d, artifact.ErrNotFound)
	}
	return h.v.open(objects, Object{d, size})
}
