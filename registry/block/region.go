package block

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
)

// A Region is a part of a repository that others decide about: all of it, or some
// of its manifests, with what these take along, as a block of the same would. What
// speaks about the repository, and what a manifest outside of it holds too, is not
// in it.
type Region struct {
	blocks *Blocks
	repo   string
	named  []digest.Digest

	mu  sync.Mutex
	set *blockSet
	// unread says that not all of what the digests hold could be read: what no
	// other manifest holds may then be of it.
	unread bool
}

// regionKey is what there is one region of.
type regionKey struct {
	repo  string
	whole bool
}

// Region is the part of repo that the manifests named are; without any it is all
// of repo. It replaces the one that was made so of repo before, which is not to be
// used any more.
func (bs *Blocks) Region(repo string, named ...digest.Digest) *Region {
	r := &Region{blocks: bs, repo: repo, named: named}
	bs.regions.Store(regionKey{repo, len(named) == 0}, r)
	return r
}

// DropRegions forgets the regions of repo, which are not to be used any more.
func (bs *Blocks) DropRegions(repo string) {
	bs.regions.Delete(regionKey{repo, true})
	bs.regions.Delete(regionKey{repo, false})
}

// Find says by which of the digests that name the region d is in it; "" is all of
// the repository, or one that could not be read whole. An error means that it could
// not be told.
func (r *Region) Find(ctx context.Context, d digest.Digest) (by digest.Digest, in bool, err error) {
	set, unread, err := r.covered(ctx)
	if err != nil {
		return "", false, err
	}
	b, sure, ok := set.find(r.repo, d)
	if sure || !ok && !unread {
		return b.Digest, ok, nil
	}
	free, err := r.blocks.exemptIn(ctx, set, r.repo)
	if err != nil {
		return "", false, storage.CouldNotTell(fmt.Sprintf("to what %s of %s belongs", d, r.repo), err)
	}
	return b.Digest, !free[d], nil
}

// covered is the region as a set of blocks, made when it is first asked for: most
// are of repositories that nobody reads.
func (r *Region) covered(ctx context.Context) (*blockSet, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set != nil {
		return r.set, r.unread, nil
	}
	var list []Block
	for _, d := range r.named {
		held, err := r.blocks.cover(ctx, r.repo, d)
		if err != nil && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified) {
			return nil, false, storage.CouldNotTell(fmt.Sprintf("what %s of %s holds", d, r.repo), err)
		}
		list = append(list, Block{Repository: r.repo, Digest: d, Covers: held})
		r.unread = r.unread || err != nil
	}
	if len(r.named) == 0 {
		list = []Block{{Repository: r.repo}}
	}
	r.set = newBlockSet("", list, nil)
	return r.set, r.unread, nil
}

func (r *Region) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set.forget(r.repo)
}
