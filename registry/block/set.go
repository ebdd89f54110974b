package block

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/singleflight"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Where blocks are kept. The epoch is written after each change, so that a
// replica reads one small file to know that nothing changed.
const (
	blockRoot       = "/oarlock/blocks"
	blockLeaf       = "_block"
	blockEverywhere = "_everywhere"
	blockWhole      = "repository"
	blockEpoch      = "/oarlock/blocks-epoch"
)

// path is where b is kept: what it names is in the name, so that a damaged
// record still blocks.
func (b Block) path() string {
	switch {
	case b.Digest == "":
		return path.Join(blockRoot, b.Repository, blockLeaf, blockWhole)
	case b.Repository == "":
		return path.Join(blockRoot, blockEverywhere, b.Digest.Algorithm().String()+"-"+b.Digest.Encoded())
	}
	return path.Join(blockRoot, b.Repository, blockLeaf, b.Digest.Algorithm().String()+"-"+b.Digest.Encoded())
}

// A blockSet is all blocks at one moment, and what follows from them.
type blockSet struct {
	epoch  string
	stored []Block                            // as storage has it
	list   []Block                            // and what was heard besides
	named  map[blockKey]Block                 // what was named, by repository ("" for everywhere) and digest ("" for all of it)
	held   map[string]map[digest.Digest]Block // what named manifests hold, by repository

	exempt    sync.Map           // repository → *exemption
	exempting singleflight.Group // by repository
	pushes    atomic.Uint64
}

type blockKey struct {
	repository string
	digest     digest.Digest
}

func newBlockSet(epoch string, stored, besides []Block) *blockSet {
	list := append(slices.Clone(stored), besides...)
	slices.SortStableFunc(list, func(a, b Block) int { return strings.Compare(a.Repository, b.Repository) })
	s := &blockSet{epoch: epoch, stored: stored, list: list, named: map[blockKey]Block{}, held: map[string]map[digest.Digest]Block{}}
	for _, b := range list {
		s.named[blockKey{b.Repository, b.Digest}] = b
		if len(b.Covers) > 0 && s.held[b.Repository] == nil {
			s.held[b.Repository] = map[digest.Digest]Block{}
		}
		for _, d := range b.Covers {
			s.held[b.Repository][d] = b
		}
	}
	return s
}

// find is the block that may keep d of repo from being read; sure when
// nothing that is not blocked can lift it.
func (s *blockSet) find(repo string, d digest.Digest) (b Block, sure, ok bool) {
	for _, where := range []string{repo, ""} {
		if b, ok := s.named[blockKey{where, d}]; ok {
			return b, true, true
		}
	}
	if b, ok := s.named[blockKey{repo, ""}]; ok {
		return b, false, true
	}
	for _, where := range []string{repo, ""} {
		if b, ok := s.held[where][d]; ok {
			return b, false, true
		}
	}
	return Block{}, false, false
}

// forget drops what was derived for repo, because its manifests changed.
func (s *blockSet) forget(repo string) {
	if s == nil || len(s.list) == 0 {
		return
	}
	s.pushes.Add(1)
	s.exempt.Delete(repo)
}

// readBlocks reads all of them from storage.
func (bs *Blocks) readBlocks(ctx context.Context) (*blockSet, error) {
	epoch, err := bs.blockEpoch(ctx)
	if err != nil {
		return nil, err
	}
	var list []Block
	read := func(at string, b Block) error {
		got, err := bs.readBlock(ctx, at, b)
		if err == nil {
			list = append(list, got)
		}
		if errors.Is(err, artifact.ErrNotFound) {
			return nil
		}
		return err
	}
	each := func(dir, repo string) error {
		entries, err := bs.driver.List(ctx, dir)
		if err != nil {
			return driver.MissingIsFine(err)
		}
		slices.Sort(entries)
		for _, at := range entries {
			b := Block{Repository: repo}
			if path.Base(at) != blockWhole {
				d, ok := driver.LinkName(at)
				if !ok {
					continue // left behind by a cut write
				}
				b.Digest = d
			} else if repo == "" {
				continue
			}
			if err := read(at, b); err != nil {
				return err
			}
		}
		return nil
	}
	if err := each(path.Join(blockRoot, blockEverywhere), ""); err != nil {
		return nil, err
	}
	err = bs.store.WalkNames(ctx, blockRoot, blockLeaf, func(repo string) error { return each(path.Join(blockRoot, repo, blockLeaf), repo) })
	if err != nil {
		return nil, err
	}
	return newBlockSet(epoch, list, nil), nil
}

// readBlock reads the record at; a damaged one blocks what its name says.
func (bs *Blocks) readBlock(ctx context.Context, at string, named Block) (Block, error) {
	content, err := bs.driver.GetContent(ctx, at)
	if driver.IsNotFound(err) {
		return named, artifact.ErrNotFound
	}
	if err != nil {
		return named, fmt.Errorf("read %s: %w", at, err)
	}
	var b Block
	var r blockRecord
	err = json.Unmarshal(content, &r)
	if b = r.Block; err == nil && r.Ended && b.path() == at {
		return named, artifact.ErrNotFound
	}
	if err != nil || b.Repository != named.Repository || b.Digest != named.Digest {
		bs.log.ErrorContext(ctx, "registry: damaged storage", "path", at, "what", "the record of a block cannot be read; it blocks what its name says")
		named.Code, named.Reason = defaultBlockCode, "the record of this block is damaged: ask the operator"
		if named.Digest != "" {
			named.Covers, _ = bs.cover(ctx, named.Repository, named.Digest)
		}
		return named, nil
	}
	return b, nil
}

func (bs *Blocks) blockEpoch(ctx context.Context) (string, error) {
	content, err := bs.driver.GetContent(ctx, blockEpoch)
	if driver.IsNotFound(err) {
		return "", nil
	}
	return string(content), err
}

// blockStale is how long a replica serves without hearing whether something
// was blocked; then not knowing denies.
const blockStale = 5 * time.Second
