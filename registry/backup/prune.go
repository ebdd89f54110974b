package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
)

// Pruned is what a Prune removed.
type Pruned struct {
	Backups []string // ids
	Objects int      // listings included
	Bytes   int64
}

// Prune keeps the newest backups, keep of them and at least one, and removes
// the others and every byte that no kept one names. Where one that stays cannot
// be read, nothing is removed.
func (v *Vault) Prune(ctx context.Context, keep int) (Pruned, error) {
	var p Pruned
	if !v.writes {
		return p, fmt.Errorf("backups %q: opened to read: %w", v.dir, artifact.ErrDenied)
	}
	if keep < 1 {
		return p, fmt.Errorf("keep %d backups: at least one stays: %w", keep, artifact.ErrInvalid)
	}
	ids, err := v.List()
	if err != nil {
		return p, err
	}
	kept := ids[:min(keep, len(ids))]
	needed := map[digest.Digest]bool{}
	for _, id := range kept {
		if err := v.mark(id, needed); err != nil {
			return p, fmt.Errorf("prune: nothing was removed: %w", err)
		}
	}
	for _, id := range ids[len(kept):] {
		if err := os.Remove(v.path("backups", id+".json")); err != nil {
			return p, fmt.Errorf("prune: %w", err)
		}
		p.Backups = append(p.Backups, id)
	}
	if err := durable.SyncFolder(v.path("backups")); err != nil {
		return p, fmt.Errorf("prune: %w", err)
	}
	// A listing says that its objects are there, so it goes before them.
	for _, kind := range []string{listings, objects} {
		if err := v.sweep(ctx, kind, needed, &p); err != nil {
			return p, fmt.Errorf("prune: %w", err)
		}
	}
	return p, nil
}

// mark notes all that the backup id names.
func (v *Vault) mark(id string, needed map[digest.Digest]bool) error {
	m, err := v.Load(id)
	if err != nil {
		return err
	}
	for _, repo := range m.Repositories {
		if needed[repo.Listing.Digest] {
			continue
		}
		l, err := v.listing(repo)
		if err != nil {
			return fmt.Errorf("backup %q: repository %q: %w", id, repo.Name, err)
		}
		needed[repo.Listing.Digest] = true
		for _, links := range [][]Link{l.Manifests, l.Blobs} {
			for _, link := range links {
				needed[link.stored()] = true
			}
		}
	}
	if m.Database != nil {
		for _, t := range m.Database.Tables {
			for _, part := range t.Parts {
				needed[part.Digest] = true
			}
		}
	}
	for _, f := range m.Files {
		needed[f.Digest] = true
	}
	if m.Catalog != nil && m.Catalog.Policy != nil {
		needed[m.Catalog.Policy.Digest] = true
		for _, o := range m.Catalog.PolicyFiles {
			needed[o.Digest] = true
		}
	}
	return nil
}

func (v *Vault) sweep(ctx context.Context, kind string, needed map[digest.Digest]bool, p *Pruned) error {
	err := filepath.WalkDir(v.path(kind), func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		alg := filepath.Base(filepath.Dir(filepath.Dir(at)))
		if d := digest.NewDigestFromEncoded(digest.Algorithm(alg), e.Name()); d.Validate() != nil || needed[d] {
			return nil // what is not ours stays
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if err := os.Remove(at); err != nil {
			return err
		}
		p.Objects++
		p.Bytes += info.Size()
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
