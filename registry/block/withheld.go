package block

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// What a version is withheld for.
const (
	WithheldBlocked     = "blocked"
	WithheldQuarantined = "quarantined"
)

// Withheld says why readers cannot have a manifest whole.
type Withheld struct {
	Kind   string // WithheldBlocked or WithheldQuarantined
	Digest digest.Digest
	Reason string
	By     string
	Since  time.Time
}

// Withheld says why readers cannot have the manifest d of repo, or something
// that it holds at any depth: it is blocked, or its bytes are in quarantine. False
// is that nothing withholds it; an error, that it could not be told.
func (bs *Blocks) Withheld(ctx context.Context, repo string, d digest.Digest) (Withheld, bool, error) {
	set := bs.current.Load()
	if err := bs.blocksKnown(); err != nil {
		return Withheld{}, false, err
	}
	if len(set.list) == 0 && !bs.store.AnyQuarantined() {
		return Withheld{}, false, nil
	}
	held, err := bs.cover(ctx, repo, d)
	if err != nil {
		return Withheld{}, false, err
	}
	for _, one := range append([]digest.Digest{d}, held...) {
		if w, ok, err := bs.blockOf(ctx, set, repo, one); ok || err != nil {
			return w, ok, err
		}
	}
	for _, one := range append([]digest.Digest{d}, held...) {
		if !bs.store.IsQuarantined(one) {
			continue
		}
		q, ok, err := bs.store.QuarantineOf(ctx, one)
		if err != nil {
			return Withheld{}, false, err
		}
		if ok {
			return Withheld{WithheldQuarantined, one, q.What, "", q.At}, true, nil
		}
	}
	return Withheld{}, false, nil
}

func (bs *Blocks) blockOf(ctx context.Context, set *blockSet, repo string, d digest.Digest) (Withheld, bool, error) {
	b, sure, ok := set.find(repo, d)
	if !ok {
		return Withheld{}, false, nil
	}
	if !sure {
		free, err := bs.exemptIn(ctx, set, repo)
		if err != nil {
			return Withheld{}, false, err
		}
		if free[d] {
			return Withheld{}, false, nil
		}
	}
	return Withheld{WithheldBlocked, d, b.reason(), b.By, b.At}, true, nil
}

// storeBlocks makes next hold, and tells of which repositories other things are
// blocked now.
func (bs *Blocks) storeBlocks(next *blockSet) {
	before := bs.current.Swap(next)
	changed := map[string]bool{}
	for key, b := range next.named {
		if before == nil || !sameBlock(before.named[key], b) {
			changed[key.repository] = true
		}
		if before != nil && bs.refused != nil {
			if _, was := before.named[key]; !was {
				bs.refused(b)
			}
		}
	}
	if before != nil {
		for key := range before.named {
			if _, still := next.named[key]; !still {
				changed[key.repository] = true
			}
		}
	}
	for repository := range changed {
		if bs.withholds == nil {
			break
		}
		bs.withholds(repository)
	}
}

func sameBlock(a, b Block) bool {
	return a.Digest == b.Digest && a.Code == b.Code && a.Reason == b.Reason && a.Emergency == b.Emergency &&
		a.Pushes == b.Pushes && a.At.Equal(b.At) && a.Until.Equal(b.Until) && len(a.Covers) == len(b.Covers)
}

// Everywhere names what is blocked in every repository, by a word that is another
// one when that changes: "" where nothing is.
func (bs *Blocks) Everywhere() string {
	var all []string
	for _, b := range bs.current.Load().list {
		if b.Repository == "" {
			all = append(all, fmt.Sprintf("%s %q %q %q %d\n", b.Digest, b.Code, b.Reason, b.By, b.At.UnixNano()))
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return digest.FromString(strings.Join(all, "")).String()
}
