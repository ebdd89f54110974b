package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Blocked says what is blocked, as storage has it.
type Blocked interface {
	Blocked(ctx context.Context) ([]block.Block, error)
}

// attempts bounds how often a repository is read that keeps changing.
const attempts = 10

// Registry copies every repository of s, which may be opened read-only beside
// the server that serves and writes it, and what blocked says is blocked. What it held before the call is in the
// backup, or is named as damage; what is written during the call may be.
func (w *Writer) Registry(ctx context.Context, s *storage.Storage, blocked Blocked) error {
	names := map[string]bool{}
	if err := NewDump(s).Repositories(ctx, func(name string) error { names[name] = true; return nil }); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	w.tell(func(p *Progress) { p.Of = len(names) })
	found := make([]Repository, len(names))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(w.o.Workers)
	for i, name := range slices.Sorted(maps.Keys(names)) {
		group.Go(func() error {
			r, err := w.repository(inner, NewDump(s), name)
			if err != nil {
				return fmt.Errorf("backup: repository %q: %w", name, err)
			}
			found[i] = r
			w.tell(func(p *Progress) { p.Repositories++ })
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	w.manifest.Repositories = found
	var err error
	// Read last, so that a block that came meanwhile is not lost.
	if w.manifest.Blocked, err = blocked.Blocked(ctx); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	slices.SortFunc(w.manifest.Damage, func(a, b Damage) int { return cmp.Compare(a.String(), b.String()) })
	return nil
}

// repository copies one. What is found wrong twice in a row is damage; what is
// wrong once was changing.
func (w *Writer) repository(ctx context.Context, d Dump, name string) (Repository, error) {
	var before map[Damage]bool
	for try := 1; ; try++ {
		one := &reading{w: w, dump: d, listing: Listing{Repository: name}, wrong: map[Damage]bool{}}
		if err := one.read(ctx); err != nil {
			return Repository{}, err
		}
		lasting := true
		for problem := range one.wrong {
			lasting = lasting && before[problem]
		}
		if lasting || try == attempts {
			return one.keep(ctx)
		}
		before = one.wrong
	}
}

// A reading is one attempt at one repository.
type reading struct {
	w       *Writer
	dump    Dump
	listing Listing
	wrong   map[Damage]bool
}

func (r *reading) read(ctx context.Context) (err error) {
	name := r.listing.Repository
	if r.listing.Marked, err = r.dump.Marked(ctx, name); err != nil {
		return err
	}
	err = r.dump.Tags(ctx, name, func(tag string, to digest.Digest) {
		r.listing.Tags = append(r.listing.Tags, Tag{tag, to})
	}, r.damaged)
	if err != nil {
		return err
	}
	links := map[driver.LinkKind][]Link{}
	err = r.dump.Links(ctx, name, func(l storage.Link) {
		link := Link{Digest: l.Digest}
		if l.Target != l.Digest {
			link.Target = l.Target
		}
		links[l.Kind] = append(links[l.Kind], link)
	}, r.damaged)
	if err != nil {
		return err
	}
	for _, kind := range []driver.LinkKind{driver.ManifestLink, driver.BlobLink} {
		slices.SortFunc(links[kind], func(a, b Link) int { return cmp.Compare(a.Digest, b.Digest) })
		for i := range links[kind] {
			if err := r.copy(ctx, &links[kind][i]); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(r.listing.Tags, func(a, b Tag) int { return cmp.Compare(a.Name, b.Name) })
	r.listing.Manifests, r.listing.Blobs = links[driver.ManifestLink], links[driver.BlobLink]
	return r.check()
}

func (r *reading) damaged(d driver.Damage) {
	r.wrong[Damage{Repository: r.listing.Repository, Digest: d.Digest, Tag: d.Tag, Path: d.Path, What: d.What}] = true
}

func (r *reading) problem(d digest.Digest, tag, format string, args ...any) {
	r.wrong[Damage{Repository: r.listing.Repository, Digest: d, Tag: tag, What: fmt.Sprintf(format, args...)}] = true
}

// copy stores the bytes of l unless the vault has them.
func (r *reading) copy(ctx context.Context, l *Link) error {
	size, have, err := r.w.v.size(objects, l.stored())
	if err != nil || have {
		l.Size = size
		return err
	}
	from, err := r.dump.Open(ctx, l.stored())
	if errors.Is(err, artifact.ErrNotFound) {
		l.Missing = true
		r.problem(l.Digest, "", "the bytes are missing")
		return nil
	}
	if err == nil {
		body := &storageReader{Reader: from}
		l.Size, err = r.w.store(ctx, *l, body)
		_ = from.Close() // all of it was read and checked
		if err != nil && body.err == nil && !errors.Is(err, artifact.ErrUnverified) {
			return err // the vault's own
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.Missing, l.Size = true, 0
		r.problem(l.Digest, "", "the bytes cannot be copied: %s", err)
	}
	return nil
}

// check looks whether what is named is there: tags, children and blobs.
func (r *reading) check() error {
	manifests, blobs := map[digest.Digest]bool{}, map[digest.Digest]bool{}
	for _, l := range r.listing.Blobs {
		blobs[l.Digest] = true
	}
	for _, l := range r.listing.Manifests {
		manifests[l.Digest] = true
	}
	for _, t := range r.listing.Tags {
		if !manifests[t.Digest] {
			r.problem(t.Digest, t.Name, "the tag means a manifest that is not in the repository")
		}
	}
	if len(r.wrong) == 0 {
		content, err := json.Marshal(r.listing)
		if err != nil {
			return err
		}
		// A listing that is kept was found whole.
		if _, have, err := r.w.v.size(listings, digest.FromBytes(content)); err != nil || have {
			return err
		}
	}
	for _, l := range r.listing.Manifests {
		if l.Missing {
			continue
		}
		content, err := r.w.v.read(objects, Object{l.stored(), l.Size})
		if errors.Is(err, artifact.ErrUnverified) { // the vault's copy: the next attempt copies it again
			r.problem(l.Digest, "", "the copy that the vault had is damaged")
			if err := os.Remove(r.w.v.at(objects, l.stored())); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		children, layers, err := References(content)
		if err != nil {
			r.problem(l.Digest, "", "not a manifest: %s", err)
			continue
		}
		for _, one := range children {
			if !manifests[one] {
				r.problem(l.Digest, "", "references %s, which is not in the repository", one)
			}
		}
		for _, one := range layers {
			if !blobs[one] {
				r.problem(l.Digest, "", "references %s, which is not in the repository", one)
			}
		}
	}
	return nil
}

// keep stores the listing.
func (r *reading) keep(ctx context.Context) (Repository, error) {
	r.w.damage(slices.Collect(maps.Keys(r.wrong)))
	for problem := range r.wrong {
		r.listing.Damage = append(r.listing.Damage, problem.String())
	}
	slices.Sort(r.listing.Damage)
	content, err := json.Marshal(r.listing)
	if err != nil {
		return Repository{}, err
	}
	o, _, err := r.w.v.putBytes(ctx, listings, content)
	out := Repository{Name: r.listing.Repository, Listing: o, Tags: len(r.listing.Tags), Manifests: len(r.listing.Manifests), Blobs: len(r.listing.Blobs)}
	for _, links := range [][]Link{r.listing.Manifests, r.listing.Blobs} {
		for _, l := range links {
			out.Bytes += l.Size
		}
	}
	return out, err
}

// storageReader tells a fault of the registry's storage from one of the vault.
type storageReader struct {
	io.Reader
	err error
}

func (s *storageReader) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
