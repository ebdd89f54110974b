package block

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

const (
	// heardFor is how long a block that was heard of holds without being found
	// in storage: whoever announced it failed to write it, and was told.
	heardFor = time.Minute
	// noticeCovers is how many digests one notice carries, and noticeReason how
	// much of the reason: a notification has less than 8,000 bytes.
	noticeCovers, noticeReason = 64, 512
	// tellWithin bounds one announcement.
	tellWithin = 2 * time.Second
)

// A blockNotice tells of one change. A block with many covers takes several.
type blockNotice struct {
	Block Block `json:"block"`
	Ended bool  `json:"ended,omitempty"`
}

// heardBlocks are the blocks that replicas told of and storage may not show
// yet, and how far what they tell is known to be whole.
type heardBlocks struct {
	look chan struct{} // wakes the watch

	mu     sync.Mutex
	blocks map[blockKey]heardBlock
	until  time.Time // all that was told until then was heard; zero while it is not whole
	missed time.Time // when something may have been missed
	caught bool      // storage was read since
}

type heardBlock struct {
	Block
	at time.Time
}

// tellBlock makes b hold here and tells the other replicas.
func (bs *Blocks) tellBlock(ctx context.Context, b Block) {
	if !bs.store.Replicated() {
		return
	}
	if len(b.Reason) > noticeReason {
		b.Reason = b.Reason[:noticeReason]
	}
	covers := b.Covers
	for first := true; first || len(covers) > 0; first = false {
		n := min(len(covers), noticeCovers)
		b.Covers, covers = covers[:n], covers[n:]
		bs.announce(ctx, blockNotice{Block: b})
	}
}

func (bs *Blocks) tellUnblocked(ctx context.Context, target Block) {
	if bs.store.Replicated() {
		bs.announce(ctx, blockNotice{Block: Block{Repository: target.Repository, Digest: target.Digest}, Ended: true})
	}
}

func (bs *Blocks) announce(ctx context.Context, n blockNotice) {
	bs.hear(n)
	if bs.tell == nil {
		return
	}
	raw, err := json.Marshal(n)
	if err == nil {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellWithin)
		err = bs.tell(within, raw)
		cancel()
	}
	if err != nil {
		bs.log.ErrorContext(ctx, "registry: a block could not be announced, other replicas find it in storage", "target", n.Block.target(), "err", err)
	}
}

// HearBlock makes hold what another replica announced. What is not a notice is
// artifact.ErrInvalid, and changes nothing.
func (bs *Blocks) HearBlock(notice []byte) error {
	var n blockNotice
	err := json.Unmarshal(notice, &n)
	if err == nil {
		err = n.Block.check()
	}
	if err != nil {
		return fmt.Errorf("notice of a block: %w: %w", err, artifact.ErrInvalid)
	}
	bs.hear(n)
	return nil
}

func (bs *Blocks) hear(n blockNotice) {
	h, b := &bs.heard, n.Block
	h.mu.Lock()
	defer h.mu.Unlock()
	key := blockKey{b.Repository, b.Digest}
	before, known := h.blocks[key]
	switch {
	case n.Ended:
		delete(h.blocks, key)
	default:
		if known {
			b.Covers = append(slices.Clone(before.Covers), missingDigests(before.Covers, b.Covers)...)
		}
		if h.blocks == nil {
			h.blocks = map[blockKey]heardBlock{}
		}
		h.blocks[key] = heardBlock{b, time.Now()}
	}
	if set := bs.current.Load(); set != nil {
		bs.storeBlocks(newBlockSet(set.epoch, set.stored, h.besides(set.stored)))
	}
	if n.Ended {
		h.wake()
	}
}

// missingDigests are those of is that was has not.
func missingDigests(was, is []digest.Digest) (out []digest.Digest) {
	for _, d := range is {
		if !slices.Contains(was, d) {
			out = append(out, d)
		}
	}
	return out
}

// besides are the blocks that were heard of and that stored lacks.
func (h *heardBlocks) besides(stored []Block) (out []Block) {
	have := map[blockKey]bool{}
	for _, b := range stored {
		have[blockKey{b.Repository, b.Digest}] = true
	}
	for key, b := range h.blocks {
		if !have[key] {
			out = append(out, b.Block)
		}
	}
	return out
}

// setBlocks makes hold what storage said when it was read from began on, and
// what was heard besides. With before it is false where something else holds
// meanwhile, which is newer.
func (bs *Blocks) setBlocks(began time.Time, before, set *blockSet) bool {
	h := &bs.heard
	h.mu.Lock()
	defer h.mu.Unlock()
	if before != nil && bs.current.Load() != before {
		return false
	}
	kept := map[blockKey]bool{}
	for _, b := range set.stored {
		kept[blockKey{b.Repository, b.Digest}] = true
	}
	maps.DeleteFunc(h.blocks, func(key blockKey, b heardBlock) bool {
		return b.at.Before(began) && kept[key] || began.Sub(b.at) > heardFor
	})
	bs.storeBlocks(newBlockSet(set.epoch, set.stored, h.besides(set.stored)))
	return true
}

// BlocksHeard says that all that was announced until at was given to HearBlock:
// reads then go on while storage is slow to say what is blocked.
func (bs *Blocks) BlocksHeard(at time.Time) {
	h := &bs.heard
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.caught && at.After(h.until) {
		h.until = at
	}
}

// BlocksMissed says that announcements may have gone unheard until now.
func (bs *Blocks) BlocksMissed() {
	h := &bs.heard
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until, h.missed, h.caught = time.Time{}, time.Now(), false
	h.wake()
}

func (h *heardBlocks) wake() {
	select {
	case h.look <- struct{}{}:
	default:
	}
}

// behind reports whether storage must be read because something was missed.
func (h *heardBlocks) behind() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.missed.IsZero() && !h.caught
}

// caughtUp says that all of storage was read from began on.
func (h *heardBlocks) caughtUp(began time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.missed.IsZero() && began.After(h.missed) {
		h.caught = true
	}
}

func (h *heardBlocks) whole() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.until
}
