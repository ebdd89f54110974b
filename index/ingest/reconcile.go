package ingest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oarlock/oarlock/index/catalog"
)

// A Report says what a walk over all repositories did.
type Report struct {
	Repositories int // looked at so far
	Versions     int // of which could be read
	Broken       int // tags that are no readable version
	// Failed are the repositories that could not be listed.
	Failed []string
	Done   bool
}

// applyEvery is after how many repositories a walk makes a generation.
const applyEvery = 256

// Reconcile reads every repository afresh and makes the catalog say what it
// holds. It may run beside Run and be interrupted at any time; running it
// again changes nothing. One damaged repository does not stop it: see Failed.
// An error means that the walk is not whole; then no plugin was taken away for
// not having been seen.
func (in *Ingester) Reconcile(ctx context.Context) (Report, error) { return in.walk(ctx, true) }

// Reverify judges every version anew, as a change of the trust policy asks for.
// It differs from Reconcile in that what the catalog says of the bytes behind
// a digest is believed and not read again.
func (in *Ingester) Reverify(ctx context.Context) (Report, error) { return in.walk(ctx, false) }

func (in *Ingester) walk(ctx context.Context, afresh bool) (Report, error) {
	w := &walk{in: in, afresh: afresh, seen: map[string]bool{}}
	basis, began := in.checkpointName(), time.Now()
	err := w.visitPublishers(ctx)
	if err != nil {
		return w.report, fmt.Errorf("reconcile: %w", err)
	}
	err = in.each(ctx, func(ctx context.Context, repo string) error { return w.visit(ctx, repo) })
	if err == nil {
		err = w.visitUnseen(ctx)
	}
	if problem := in.apply(ctx); err == nil {
		err = problem
	}
	if err == nil {
		err = in.begin()
	}
	if err != nil {
		return w.report, fmt.Errorf("reconcile: %w", err)
	}
	if in.checkpointName() == basis {
		in.settleBasis(basis)
	}
	in.Heard(began)
	w.report.Done = true
	slices.Sort(w.report.Failed)
	w.tell()
	return w.report, nil
}

// each calls visit for every repository that can hold a plugin, on as many
// goroutines as there are workers. It waits for all of them.
func (in *Ingester) each(ctx context.Context, visit func(context.Context, string) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(in.opts.Workers)
	err := in.opts.Source.Repositories(ctx, func(repo string) error {
		if !ours(repo) {
			return ctx.Err()
		}
		group.Go(func() error { return visit(ctx, repo) })
		return ctx.Err()
	})
	if problem := group.Wait(); problem != nil {
		return problem
	}
	if err != nil {
		return fmt.Errorf("repositories: %w", err)
	}
	return nil
}

// walk is one Reconcile or Reverify under way.
type walk struct {
	in     *Ingester
	afresh bool // the bytes of versions are read again
	mu     sync.Mutex
	seen   map[string]bool
	report Report
}

func (w *walk) visit(ctx context.Context, repo string) error {
	doubted, err := w.in.queue.claim(ctx, repo)
	if err != nil {
		return err
	}
	var old *catalog.Plugin
	if !w.afresh {
		old = w.in.known(repo)
	}
	r := w.in.look(ctx, &task{repo: repo, all: true, doubted: doubted}, old)
	w.in.put(r)
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.count(repo, r) {
		return w.in.apply(ctx)
	}
	return nil
}

// count reports whether it is time for a generation.
func (w *walk) count(repo string, r result) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[repo] = true
	w.report.Repositories++
	if r.failed {
		w.report.Failed = append(w.report.Failed, repo)
	}
	if r.plugin != nil {
		w.report.Versions += len(r.plugin.Versions)
		w.report.Broken += len(r.plugin.Broken)
	}
	now := w.report.Repositories%applyEvery == 0
	if now {
		w.tell()
	}
	return now
}

func (w *walk) tell() {
	r := w.report
	w.in.log.Info("reconcile", "repositories", r.Repositories, "versions", r.Versions,
		"broken", r.Broken, "failed", len(r.Failed), "done", r.Done)
	if w.in.opts.Progress != nil {
		r.Failed = slices.Clone(r.Failed)
		w.in.opts.Progress(r)
	}
}

// visitUnseen looks at what the catalog knows and the walk did not meet.
func (w *walk) visitUnseen(ctx context.Context) error {
	var unseen []string
	for p := range w.in.base().Plugins {
		if repo := p.ID.String(); !w.seen[repo] {
			unseen = append(unseen, repo)
		}
	}
	for _, repo := range unseen {
		if err := w.visit(ctx, repo); err != nil {
			return err
		}
	}
	return nil
}

// Rebuild makes the catalog from nothing but the registry, beside what serves.
// A repository that could not be listed is an error: the whole cannot be told.
func (in *Ingester) Rebuild(ctx context.Context) (*catalog.Snapshot, error) {
	var mu sync.Mutex
	snapshot := catalog.Empty()
	publishers, err := in.readPublishers(ctx)
	if err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	if in.opts.Ledgers == nil {
		publishers = nil
	}
	err = in.each(ctx, func(ctx context.Context, repo string) error {
		p, err := in.derive(ctx, &task{repo: repo, all: true, publishers: publishers}, nil)
		if err != nil || p == nil {
			return err
		}
		p.Publisher = publishers[p.ID.Publisher()].shown()
		mu.Lock()
		defer mu.Unlock()
		snapshot = snapshot.With([]catalog.Plugin{*p}, nil)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	return snapshot, nil
}
