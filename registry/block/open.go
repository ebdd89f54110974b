package block

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Options say who is told of blocks. The zero value tells nobody.
type Options struct {
	// Announce passes a notice about a block on to the other replicas, which give
	// it to HearBlock; nil leaves them to find it in storage.
	Announce func(ctx context.Context, notice []byte) error
	// Withholds is told of which repository other things are blocked now.
	Withholds func(repository string)
	// Refused is told of a block that holds here from now on, of what none named before;
	// not of those that are there when Open reads them. It does not wait.
	Refused func(b Block)
}

// Blocks are what may not be read, and say so. All of it may be used by many
// goroutines at once.
type Blocks struct {
	store     *storage.Storage
	log       *slog.Logger
	driver    *driver.Driver
	tell      func(ctx context.Context, notice []byte) error
	withholds func(repository string)
	refused   func(b Block)
	current   atomic.Pointer[blockSet]
	asOf      atomic.Int64 // when it was last known what is blocked, in Unix nanoseconds
	heard     heardBlocks
	regions   sync.Map // regionKey → *Region
	stop      context.CancelFunc
	watching  sync.WaitGroup
}

// Forget drops what was derived for repo, because its manifests changed.
func (bs *Blocks) Forget(repo string) {
	bs.current.Load().forget(repo)
	for _, whole := range []bool{true, false} {
		if r, ok := bs.regions.Load(regionKey{repo, whole}); ok {
			r.(*Region).forget()
		}
	}
}

// RestoreBlock makes b hold as it did where it was taken from.
func (bs *Blocks) RestoreBlock(ctx context.Context, b Block) error {
	if err := b.check(); err != nil {
		return err
	}
	return bs.changeBlocks(ctx, func(ctx context.Context) error { return bs.putBlock(ctx, b) })
}
