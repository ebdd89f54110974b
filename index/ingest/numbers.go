package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

const (
	// numbersAhead is how many numbers of generations are reserved at once, so
	// that storage is asked once for as many.
	numbersAhead = 1000
	// maxNumber is the largest number that every reader of JSON keeps exactly.
	// What is above it is no number that a catalog of ours reached.
	maxNumber = 1 << 53
)

// A Record is a small fact that outlives the checkpoint, replaced by comparing
// and setting; change gets nothing where there is none.
type Record func(ctx context.Context, change func(have []byte) ([]byte, error)) error

// Numbers are the numbers of generations that this process may use: above all
// that were in use before, as far as anything that is left remembers, so that a
// number never means two catalogs. It is safe for concurrent use.
type Numbers struct {
	record Record

	mu   sync.Mutex // guards what follows, and orders the changes of the record
	ends int64      // the last one that is reserved
}

// reserved is the record: every number up to Through was given to somebody.
type reserved struct {
	Through int64 `json:"through"`
}

// Reserve takes numbers above those that first, the record and seen know.
// seen are numbers that something else remembers, such as the signed catalog;
// 0 is none. What it gives is first with a number that nobody used for anything
// else: its own where the record says that this was the last one, as a server
// leaves it that ends in order, and else one above all.
//
// An error is that what was used could not be told. An empty catalog that
// begins because first is nil is of the time at.
func Reserve(ctx context.Context, record Record, at time.Time, first *catalog.Generation, others ...int64) (*catalog.Generation, *Numbers, error) {
	n := &Numbers{record: record}
	known := int64(0)
	if first != nil {
		known = first.Number
	}
	for _, one := range others {
		if one <= maxNumber {
			known = max(known, one)
		}
	}
	start := int64(0)
	err := n.change(ctx, func(through int64) int64 {
		start = max(known, through)
		n.ends = min(start+numbersAhead, maxNumber)
		return n.ends
	})
	switch {
	case err != nil:
		return nil, nil, err
	case first == nil && start > 0:
		first = &catalog.Generation{Number: start, Snapshot: catalog.Empty(), At: at}
	case first != nil && first.Number < start:
		first = &catalog.Generation{Number: start + 1, Snapshot: first.Snapshot, At: first.At, Beside: first.Beside}
	}
	return first, n, nil
}

// raise reserves more where number comes near the last that is reserved.
func (n *Numbers) raise(ctx context.Context, number int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ends-number > numbersAhead/2 {
		return nil
	}
	return n.change(ctx, func(through int64) int64 {
		n.ends = min(max(through, number)+numbersAhead, maxNumber)
		return n.ends
	})
}

// giveBack says that number was the last one in use, unless somebody else
// reserved some after this process did.
func (n *Numbers) giveBack(ctx context.Context, number int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.change(ctx, func(through int64) int64 {
		if through != n.ends {
			return through
		}
		n.ends = number
		return number
	})
}

var errSame = errors.New("nothing to change")

// change is called with mu held, or before anybody else has n.
func (n *Numbers) change(ctx context.Context, next func(through int64) int64) error {
	err := n.record(ctx, func(have []byte) ([]byte, error) {
		var was reserved
		if len(have) > 0 {
			if err := json.Unmarshal(have, &was); err != nil {
				return nil, fmt.Errorf("%.80q is no record of numbers: %w", have, artifact.ErrInvalid)
			}
		}
		if was.Through < 0 || was.Through > maxNumber {
			return nil, fmt.Errorf("%d, expected 0 to %d: %w", was.Through, int64(maxNumber), artifact.ErrInvalid)
		}
		through := next(was.Through)
		if through == was.Through {
			return nil, errSame
		}
		return json.Marshal(reserved{through})
	})
	if err != nil && !errors.Is(err, errSame) {
		return fmt.Errorf("numbers of generations that were in use: %w", err)
	}
	return nil
}
