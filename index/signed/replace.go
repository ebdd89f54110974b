package signed

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Replace makes Tag mean the manifest d, whose bytes are raw, where it still
// means was, or nothing where that is "". Where it does not, the error wraps
// artifact.ErrConflict and nothing changed.
type Replace func(ctx context.Context, d ocispec.Descriptor, raw []byte, was digest.Digest) error

// reserve takes the numbers that are about to be signed, so that no other
// server signs one of them too: a reader that saw one of two metadata with one
// number would refuse the other, or hold it for the same.
func (j *publication) reserve(targets, snapshot bool) error {
	raise := func(v versions) versions {
		v.Timestamp++
		if snapshot {
			v.Snapshot++
		}
		if targets {
			v.Targets++
		}
		return v
	}
	if j.p.o.Numbers == nil {
		j.counted = raise(j.counted)
		return nil
	}
	var next versions
	err := j.p.o.Numbers(j.ctx, func(raw []byte) ([]byte, error) {
		var taken versions
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &taken); err != nil {
				return nil, fmt.Errorf("the numbers that were signed cannot be read: %w", err)
			}
		}
		next = raise(versions{max(taken.Targets, j.counted.Targets), max(taken.Snapshot, j.counted.Snapshot), max(taken.Timestamp, j.counted.Timestamp)})
		return json.Marshal(next)
	})
	if err != nil {
		return fmt.Errorf("reserve numbers: %w", err)
	}
	j.counted = next
	return nil
}
