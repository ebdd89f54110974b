package block

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/oarlock/oarlock/registry/storage"
)

// Lapse ends the blocks whose Until came by now, where may lets it: until then, and
// where may could not tell, they hold. It names those that it ended; of several
// replicas one ends a block. The errors are joined, and the others are ended all the same.
func (bs *Blocks) Lapse(ctx context.Context, now time.Time, may func(ctx context.Context, b Block) (bool, error)) (ended []Block, err error) {
	for _, b := range bs.current.Load().list {
		if !b.lapsed(now) {
			continue
		}
		done, one := bs.lapse(ctx, b, now, may)
		err = errors.Join(err, storage.Describe(one, "end the block of %s", b.target()))
		if done {
			ended = append(ended, b)
			bs.tellUnblocked(ctx, b)
		}
	}
	return ended, err
}

// Held lists what is blocked, as reads are refused by it now.
func (bs *Blocks) Held() []Block { return slices.Clone(bs.current.Load().list) }

func (b Block) lapsed(now time.Time) bool { return !b.Until.IsZero() && !now.Before(b.Until) }

// lapse ends one, unless it was ended or made anew since.
func (bs *Blocks) lapse(ctx context.Context, b Block, now time.Time, may func(ctx context.Context, b Block) (bool, error)) (done bool, err error) {
	if is, err := may(ctx, b); !is || err != nil {
		return false, err
	}
	err = bs.changeBlocks(ctx, func(ctx context.Context) error {
		have, is, err := bs.Named(ctx, b)
		if err != nil || !is || !have.lapsed(now) || have.Emergency != b.Emergency {
			return err
		}
		err = bs.endBlock(ctx, b)
		done = err == nil
		return err
	})
	return done, err
}
