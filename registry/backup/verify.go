package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
)

// Verify reads everything that the backups of ids hold, each byte once, and
// reports what is damaged or missing in the vault. What was damaged already
// when a backup was made is not reported again.
func (v *Vault) Verify(ctx context.Context, ids []string, progress func(Progress), report func(id string, d Damage)) error {
	c := &checking{v: v, progress: progress, seen: map[digest.Digest]string{}}
	for _, id := range ids {
		m, err := v.Load(id)
		if damaged(err) {
			report(id, Damage{Path: v.path("backups", id+".json"), What: err.Error()})
			continue
		}
		if err != nil {
			return err
		}
		c.at.Of += len(m.Repositories)
		if err := c.manifest(ctx, m, func(d Damage) { report(id, d) }); err != nil {
			return err
		}
	}
	return nil
}

// checking is one run; seen says of each object what is wrong with it, or "".
type checking struct {
	v        *Vault
	progress func(Progress)
	at       Progress
	seen     map[digest.Digest]string
}

func (c *checking) manifest(ctx context.Context, m *Manifest, report func(Damage)) error {
	for _, repo := range m.Repositories {
		if err := c.repository(ctx, repo, report); err != nil {
			return fmt.Errorf("repository %q: %w", repo.Name, err)
		}
		c.at.Repositories++
		c.tell()
	}
	if m.Database != nil {
		for _, t := range m.Database.Tables {
			for _, part := range t.Parts {
				if err := c.object(ctx, objects, part, Damage{Path: "table " + t.Name}, report); err != nil {
					return err
				}
			}
		}
	}
	for _, f := range m.Files {
		if err := c.object(ctx, objects, f.Object, Damage{Path: f.Path}, report); err != nil {
			return err
		}
	}
	if m.Catalog != nil && m.Catalog.Policy != nil {
		if err := c.object(ctx, objects, *m.Catalog.Policy, Damage{Path: "trust policy"}, report); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(m.Catalog.PolicyFiles)) {
			if err := c.object(ctx, objects, m.Catalog.PolicyFiles[name], Damage{Path: "trust policy: " + name}, report); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checking) repository(ctx context.Context, repo Repository, report func(Damage)) error {
	l, err := c.v.listing(repo)
	if damaged(err) {
		report(Damage{Repository: repo.Name, Digest: repo.Listing.Digest, Path: c.v.at(listings, repo.Listing.Digest), What: err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	for _, links := range [][]Link{l.Manifests, l.Blobs} {
		for _, link := range links {
			if link.Missing {
				continue
			}
			if err := c.object(ctx, objects, Object{link.stored(), link.Size}, Damage{Repository: repo.Name}, report); err != nil {
				return err
			}
		}
	}
	return nil
}

// object hashes o once and reports it wherever it is named.
func (c *checking) object(ctx context.Context, kind string, o Object, where Damage, report func(Damage)) error {
	what, seen := c.seen[o.Digest]
	if !seen {
		err := c.hash(ctx, kind, o)
		if err != nil && !damaged(err) {
			return err
		}
		if err != nil {
			what = fmt.Sprintf("%s (%s)", err, c.v.at(kind, o.Digest))
		}
		c.seen[o.Digest] = what
		c.at.Objects++
		c.at.Bytes += o.Size
		c.tell()
	}
	if what != "" {
		where.Digest, where.What = o.Digest, what
		report(where)
	}
	return nil
}

func (c *checking) hash(ctx context.Context, kind string, o Object) error {
	r, err := c.v.open(kind, o)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	}))
	return errors.Join(err, r.Close())
}

func (c *checking) tell() {
	if c.progress != nil {
		c.progress(c.at)
	}
}
