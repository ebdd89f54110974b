package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index/catalog"
)

const (
	// dateWithin bounds one question for times: a catalog without them is
	// better than one that waits.
	dateWithin = 2 * time.Second
	// dateAgain is how long nobody asks after a question went unanswered.
	dateAgain = 5 * time.Second
)

// dates remembers that who knows the times does not answer.
type dates struct {
	mu    sync.Mutex
	after time.Time // when to ask again
}

func (d *dates) silent(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return now.Before(d.after)
}

func (d *dates) failed(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.after = now.Add(dateAgain)
}

// date gives the versions of p that have none the time when they came here. One
// that nobody noted came now, or when the catalog that serves says. What cannot
// be told it leaves as the catalog says it, and it reports whether every version
// has a time then.
func (in *Ingester) date(ctx context.Context, p *catalog.Plugin) (whole bool) {
	if in.opts.Published == nil {
		return true
	}
	seen := in.seen(p)
	if len(seen) == 0 {
		return true
	}
	now := in.opts.Now()
	ask := make(map[digest.Digest]time.Time, len(seen))
	for d, at := range seen {
		if ask[d] = at; at.IsZero() {
			ask[d] = now.UTC()
		}
	}
	if counts, err := in.published(ctx, p.ID.String(), ask); err == nil {
		seen = counts
	}
	whole = true
	for i := range p.Versions {
		v := &p.Versions[i]
		if v.PublishedAt.IsZero() {
			v.PublishedAt = seen[v.Digest]
		}
		whole = whole && !v.PublishedAt.IsZero()
	}
	return whole
}

// seen are the versions of p without time, with that which the catalog says of them.
func (in *Ingester) seen(p *catalog.Plugin) map[digest.Digest]time.Time {
	seen := map[digest.Digest]time.Time{}
	for i := range p.Versions {
		if v := &p.Versions[i]; v.PublishedAt.IsZero() {
			seen[v.Digest] = time.Time{}
		}
	}
	if len(seen) == 0 {
		return nil
	}
	if known := in.known(p.ID.String()); known != nil {
		for i := range known.Versions {
			if v := &known.Versions[i]; !v.PublishedAt.IsZero() {
				if _, ok := seen[v.Digest]; ok {
					seen[v.Digest] = v.PublishedAt
				}
			}
		}
	}
	return seen
}

func (in *Ingester) published(ctx context.Context, repo string, seen map[digest.Digest]time.Time) (map[digest.Digest]time.Time, error) {
	if in.dates.silent(in.opts.Now()) {
		return nil, context.DeadlineExceeded
	}
	within, cancel := context.WithTimeout(ctx, dateWithin)
	defer cancel()
	counts, err := in.opts.Published(within, repo, seen)
	if err != nil && ctx.Err() == nil {
		in.dates.failed(in.opts.Now())
		in.log.Error("when versions were published could not be told, it is tried again; the catalog goes by what it knew", "repository", repo, "err", err)
	}
	return counts, err
}
