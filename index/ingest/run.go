package ingest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

const (
	checkpointQuiet = 2 * time.Second  // a checkpoint waits for so long without a change
	checkpointMost  = 30 * time.Second // and never longer than this
	giveBackMost    = 5 * time.Second  // how long an end waits for storage

	// HousekeepEvery is how often Housekeep should be called.
	HousekeepEvery = 500 * time.Millisecond
)

// Run keeps the catalog equal to the registry until ctx ends: it reconciles
// once and follows every Touch. It returns nil once ctx has ended and the last
// checkpoint is written; call it once. Whoever runs an Ingester calls Housekeep
// beside it, and Reconcile again now and then.
func (in *Ingester) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	wait.Go(func() { in.applyLoop(ctx) })
	for range in.opts.Workers {
		wait.Go(func() { in.work(ctx) })
	}
	wait.Go(func() { in.reconcileFirst(ctx) })
	wait.Wait()
	in.hearing.end()
	err := in.Save()
	if err == nil && in.opts.Numbers != nil {
		in.giveBack(context.WithoutCancel(ctx))
	}
	return err
}

// giveBack leaves it to the next start to go on from the number that serves.
func (in *Ingester) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, giveBackMost)
	defer cancel()
	if err := in.opts.Numbers.giveBack(ctx, in.opts.Live.Current().Number); err != nil {
		in.log.Warn("generations will skip some numbers after the next start", "err", err)
	}
}

// work derives one repository after the other.
func (in *Ingester) work(ctx context.Context) {
	for {
		select {
		case <-in.queue.wake:
		case <-ctx.Done():
			return
		}
		for t := in.queue.take(); t != nil && ctx.Err() == nil; t = in.queue.take() {
			in.put(in.look(ctx, t, in.known(t.repo)))
		}
	}
}

// known is what the catalog says of a repository now.
func (in *Ingester) known(repo string) *catalog.Plugin {
	name, err := artifact.ParseName(repo)
	if err != nil {
		return nil
	}
	p, _ := in.base().Plugin(name)
	return p
}

// look derives a claimed repository and arranges for what could not be read
// to be tried again.
func (in *Ingester) look(ctx context.Context, t *task, old *catalog.Plugin) result {
	if in.isPublishers(t.repo) {
		return in.lookPublishers(ctx)
	}
	p, err := in.derive(ctx, t, old)
	switch {
	case ctx.Err() != nil:
		return result{repo: t.repo, keep: true}
	case err != nil:
		return in.unlisted(t, err)
	case p == nil:
		in.retry.forget(t.repo)
	case !settled(p):
		in.retry.add(t.repo, in.opts.Now())
	}
	return result{repo: t.repo, plugin: p, head: t.head}
}

// unlisted is what is known of a repository whose tags could not be listed: what
// was, but for what may still be installed where its ledger may have gone on.
func (in *Ingester) unlisted(t *task, err error) result {
	in.log.Error("repository could not be listed, what was known of it stays", "alert", true, "repository", t.repo, "ledger_may_go_on", t.doubted, "err", err)
	in.retry.add(t.repo, in.opts.Now())
	known := in.known(t.repo)
	switch {
	case known == nil:
		return result{repo: t.repo, plugin: unlistable(t.repo, err), failed: true}
	case !t.doubted:
		return result{repo: t.repo, keep: true, failed: true}
	}
	unsure := *known
	unsure.Versions = slices.Clone(known.Versions)
	l := lifecycle{plugin: in.ledgers.state(format.OfPlugin(known.ID)).Plugin, unknown: err.Error()}
	l.tell(&unsure)
	return result{repo: t.repo, plugin: &unsure, failed: true}
}

// unlistable is a plugin of which nothing was known and nothing can be read.
func unlistable(repo string, err error) *catalog.Plugin {
	name, problem := artifact.ParseName(repo)
	if problem != nil {
		return nil
	}
	return &catalog.Plugin{ID: name, Broken: []catalog.Broken{{
		Reasons: []index.Reason{{Code: index.ReasonUnreadable, Detail: err.Error()}}}}}
}

// applyLoop makes a generation of what was derived, at most one per Interval.
func (in *Ingester) applyLoop(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-in.applied:
		case <-ctx.Done():
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		_ = in.apply(ctx) // told in the log
		pause.Reset(in.opts.Interval)
	}
}

// reconcileFirst walks all repositories at the beginning, until it could once.
func (in *Ingester) reconcileFirst(ctx context.Context) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := in.overtake(ctx)
		if err == nil {
			_, err = in.Reconcile(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		in.log.Error("reconcile failed", "alert", !in.Ready(), "retry_in", wait, "err", err)
		if !sleep(ctx, wait) {
			return
		}
	}
}

// sleep reports false when ctx ended before d was over.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
