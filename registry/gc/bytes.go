package gc

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"
)

// bytes removes what no repository links any more.
func (r *run) bytes(ctx context.Context) error {
	if !r.dry {
		err := r.sweep.Marked(ctx, func(d digest.Digest) error {
			_, stored, err := r.sweep.Size(ctx, d)
			if err != nil || stored && !r.live.has(d) {
				return err
			}
			return r.sweep.Unmark(ctx, d)
		})
		if err != nil {
			return err
		}
	}
	var emptySince time.Time
	if !r.dry {
		emptySince = r.now.Add(-r.opts.Grace)
	}
	counted := 0
	return r.sweep.Bytes(ctx, emptySince, func(d digest.Digest, size int64, changed time.Time) error {
		if counted++; r.opts.Progress != nil && counted%1024 == 1 {
			r.opts.Progress(Progress{Repositories: r.report.Repositories, Blobs: counted})
		}
		return r.one(ctx, d, size, changed)
	})
}

// one decides about the bytes of one digest.
func (r *run) one(ctx context.Context, d digest.Digest, size int64, changed time.Time) error {
	if r.live.has(d) {
		r.report.BlobsKept++
		return nil
	}
	if r.partial {
		r.report.BlobsKept++
		r.item("", d, Bytes, size, CouldNotTell, "no link was found that leads to it, but not every link can be read")
		return nil
	}
	since, by, marked, err := r.sweep.MarkedSince(ctx, d)
	if err != nil {
		return err
	}
	switch {
	case marked && by != r.id && r.over(since) && !r.linked.has(d):
		return r.remove(ctx, d, size)
	case marked:
		r.report.BlobsKept++
		r.item("", d, Bytes, size, Keep, "no link in force leads to it, but only since "+since.Format(time.RFC3339))
	case !r.over(changed):
		r.report.BlobsKept++
		r.item("", d, Bytes, size, Keep, "no link leads to it, but it was written within the grace period")
	default:
		r.report.BlobsMarked++
		r.item("", d, Bytes, size, Remove, "no link in force leads to it: a run would note it and a later one remove it")
		if !r.dry {
			return r.sweep.Mark(ctx, d, r.id, r.now)
		}
	}
	return nil
}

func (r *run) remove(ctx context.Context, d digest.Digest, size int64) error {
	if !r.dry {
		gone, err := r.sweep.Remove(ctx, d)
		if err != nil {
			return err
		}
		if !gone {
			r.report.BlobsKept++
			return nil
		}
	}
	r.report.BlobsRemoved++
	r.report.BytesFreed += size
	r.item("", d, Bytes, size, Remove, "no link leads to it since more than the grace period")
	return nil
}
