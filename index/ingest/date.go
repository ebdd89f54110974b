package ingest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
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

// dateAll dates a batch in one question, and arranges for what could not be
// told to be asked again.
func (in *Ingester) dateAll(ctx context.Context, batch []result) {
	var plugins []*catalog.Plugin
	for _, r := range batch {
		if r.plugin != nil {
			plugins = append(plugins, r.plugin)
		}
	}
	in.date(ctx, plugins...)
	for _, p := range plugins {
		switch {
		case !settled(p): // is tried again already
		case in.opts.Published == nil || dated(p):
			in.retry.forget(p.ID.String())
		default:
			in.retry.add(p.ID.String(), in.opts.Now())
		}
	}
}

// dated reports whether every version of p has a time.
func dated(p *catalog.Plugin) bool {
	return !slices.ContainsFunc(p.Versions, func(v catalog.Version) bool { return v.PublishedAt.IsZero() })
}

// date gives the versions of plugins that have none the time when they came
// here. One that nobody noted came now, or when the catalog that serves says.
// What cannot be told it leaves as the catalog says it.
func (in *Ingester) date(ctx context.Context, plugins ...*catalog.Plugin) {
	if in.opts.Published == nil {
		return
	}
	undated, ask, now := index.Arrivals{}, index.Arrivals{}, in.opts.Now().UTC()
	for _, p := range plugins {
		for d, at := range in.undated(p) {
			key := index.Arrival{Repository: p.ID.String(), Digest: d}
			if undated[key] = at; at.IsZero() {
				at = now
			}
			ask[key] = at
		}
	}
	if len(ask) == 0 {
		return
	}
	if counts, err := in.published(ctx, ask); err == nil {
		undated = counts
	}
	for _, p := range plugins {
		for i := range p.Versions {
			if v := &p.Versions[i]; v.PublishedAt.IsZero() {
				v.PublishedAt = undated[index.Arrival{Repository: p.ID.String(), Digest: v.Digest}]
			}
		}
	}
}

// undated are the versions of p without time, with that which the catalog says of them.
func (in *Ingester) undated(p *catalog.Plugin) map[digest.Digest]time.Time {
	out := map[digest.Digest]time.Time{}
	for i := range p.Versions {
		if v := &p.Versions[i]; v.PublishedAt.IsZero() {
			out[v.Digest] = time.Time{}
		}
	}
	if len(out) == 0 {
		return nil
	}
	if known := in.known(p.ID.String()); known != nil {
		for i := range known.Versions {
			if v := &known.Versions[i]; !v.PublishedAt.IsZero() {
				if _, ok := out[v.Digest]; ok {
					out[v.Digest] = v.PublishedAt
				}
			}
		}
	}
	return out
}

func (in *Ingester) published(ctx context.Context, ask index.Arrivals) (index.Arrivals, error) {
	if in.dates.silent(in.opts.Now()) {
		return nil, context.DeadlineExceeded
	}
	within, cancel := context.WithTimeout(ctx, dateWithin)
	defer cancel()
	counts, err := in.opts.Published(within, ask)
	if err != nil && ctx.Err() == nil {
		in.dates.failed(in.opts.Now())
		in.log.Error("when versions were published could not be told, it is tried again; the catalog goes by what it knew", "versions", len(ask), "err", err)
	}
	return counts, err
}
