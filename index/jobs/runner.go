package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
)

// A Runner does the jobs of a queue. Make one with NewRunner.
type Runner struct {
	opts  RunnerOptions
	kinds []*runningKind
	tally tally
}

// RunnerOptions are what a Runner needs.
type RunnerOptions struct {
	Queue Queue
	// InTx runs do in one transaction with the Queue's methods.
	InTx  func(ctx context.Context, do func(context.Context) error) error
	Clock clock.Clock
	Log   *slog.Logger
	// Poll is how long a Runner that was not woken waits before it asks again:
	// jobs of other processes, and those that become due.
	Poll time.Duration
	// Beats, which a test sets, says when a lease is renewed that is given for so long at
	// a time, until stop is called; nil is by the machine's clock.
	Beats func(beat time.Duration) (at <-chan time.Time, stop func())
}

type runningKind struct {
	Kind
	wake chan struct{}
	// busy has a place for each job that runs.
	busy chan struct{}

	mu    sync.Mutex
	ended chan struct{} // closed when an attempt ends
}

// NewRunner makes a Runner of kinds. It panics where a kind lacks what it needs
// or two have one name: that is a mistake of the program.
func NewRunner(opts RunnerOptions, kinds ...Kind) *Runner {
	if opts.Beats == nil {
		opts.Beats = everyBeat
	}
	r := &Runner{opts: opts, tally: newTally()}
	names := map[string]bool{}
	for _, k := range kinds {
		if k.Name == "" || names[k.Name] || k.Do == nil || k.Workers < 1 || k.Lease <= 0 || k.First <= 0 || k.Longest < k.First ||
			k.Beat < 0 || k.Beat > k.Lease || (k.GiveUp != nil && k.For <= 0) {
			panic(fmt.Sprintf("jobs: kind %q needs a name of its own, something to do, workers, a lease and pauses", k.Name))
		}
		names[k.Name] = true
		r.kinds = append(r.kinds, &runningKind{Kind: k, wake: make(chan struct{}, 1), busy: make(chan struct{}, k.Workers), ended: make(chan struct{})})
	}
	return r
}

// Wake has the jobs of a kind looked for now. It never waits; call it after the
// commit of what asked for a job.
func (r *Runner) Wake(kind string) {
	for _, k := range r.kinds {
		if k.Name == kind {
			k.awake()
		}
	}
}

// Ended is closed when the next attempt of a kind ends in this process. It panics for
// a kind that the Runner does not know, as Drain does.
func (r *Runner) Ended(kind string) <-chan struct{} {
	k := r.kind(kind)
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ended
}

func (k *runningKind) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.ended)
	k.ended = make(chan struct{})
}

func (r *Runner) kind(name string) *runningKind {
	i := slices.IndexFunc(r.kinds, func(k *runningKind) bool { return k.Name == name })
	if i < 0 {
		panic(fmt.Sprintf("jobs: kind %q is not known", name))
	}
	return r.kinds[i]
}

func (k *runningKind) awake() {
	select {
	case k.wake <- struct{}{}:
	default: // it was woken already, and has not looked yet
	}
}

// Run does jobs until ctx ends, and returns when the last one has ended.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, k := range r.kinds {
		all.Go(func() { r.serve(ctx, k) })
	}
	all.Wait()
}

// Drain does the jobs of a kind that are due, without waiting for Run, and
// returns when there is none that it may have: another may still do his. The
// error joins those of the attempts that failed. It panics for a kind that the
// Runner does not know: that is a mistake of the program.
func (r *Runner) Drain(ctx context.Context, kind string) error {
	k := r.kind(kind)
	var failed []error
	for ctx.Err() == nil {
		attempts, err := r.lease(ctx, k, k.Workers)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		if len(attempts) == 0 {
			break
		}
		ended := make([]error, len(attempts))
		var running sync.WaitGroup
		for i, a := range attempts {
			running.Go(func() { ended[i] = r.attempt(ctx, k, a) })
		}
		running.Wait()
		failed = append(failed, ended...)
	}
	return errors.Join(append(failed, ctx.Err())...)
}

func (r *Runner) lease(ctx context.Context, k *runningKind, limit int) ([]Attempt, error) {
	now := r.opts.Clock.Now()
	return r.opts.Queue.Lease(ctx, Ask{Kind: k.Name, InOrder: k.InOrder, Limit: limit, Now: now, Until: now.Add(k.leased())})
}

// serve hands the jobs of a kind to its workers.
func (r *Runner) serve(ctx context.Context, k *runningKind) {
	var running sync.WaitGroup
	defer running.Wait()
	for ctx.Err() == nil {
		if r.start(ctx, k, &running) {
			continue // there may be more
		}
		timer := r.opts.Clock.NewTimer(r.opts.Poll)
		select {
		case <-ctx.Done():
		case <-k.wake:
		case <-k.Asked:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// start waits for a free worker, leases as many jobs as there are free workers,
// and reports whether it got any.
func (r *Runner) start(ctx context.Context, k *runningKind, running *sync.WaitGroup) bool {
	free := k.reserve(ctx)
	if free == 0 {
		return false
	}
	attempts, err := r.lease(ctx, k, free)
	if err != nil && ctx.Err() == nil {
		r.opts.Log.WarnContext(ctx, "jobs: the queue does not answer", "kind", k.Name, "err", err)
	}
	for range free - len(attempts) {
		<-k.busy
	}
	for _, a := range attempts {
		running.Go(func() {
			defer func() { <-k.busy; k.awake() }() // the next one of its key may run now
			_ = r.attempt(ctx, k, a)               // it is logged, counted, and in the row
			for _, kind := range k.Wakes {
				r.Wake(kind)
			}
		})
	}
	return len(attempts) > 0
}

// reserve takes at least one place among the workers, and all that are free.
func (k *runningKind) reserve(ctx context.Context) int {
	select {
	case <-ctx.Done():
		return 0
	case k.busy <- struct{}{}:
	}
	for n := 1; ; n++ {
		select {
		case k.busy <- struct{}{}:
		default:
			return n
		}
	}
}

// attempt does a job, keeps how that ended, and returns why it is not done.
func (r *Runner) attempt(ctx context.Context, k *runningKind, a Attempt) error {
	defer k.end()
	began := r.opts.Clock.Now()
	bounded, cancel := context.WithTimeout(ctx, k.Lease)
	bounded, end := r.beat(bounded, k, a)
	failure := do(bounded, k.Do, a)
	cut := end()
	cancel()
	if failure != nil && ctx.Err() != nil {
		failure = errCut
	} else if failure != nil {
		failure = errors.Join(failure, cut)
	}
	// What was done is kept though the server is stopping.
	keeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	outcome, err := r.keep(keeping, k, a, failure)
	r.tally.add(k.Name, outcome, r.opts.Clock.Since(began), r.opts.Clock.Since(a.AskedAt))
	log := r.opts.Log.With("kind", k.Name, "job", a.ID, "key", a.Key, "attempt", a.Number)
	switch {
	case errors.Is(err, ErrLeaseLost):
		log.WarnContext(ctx, "jobs: a job took longer than its lease; another does it again", "lease", k.Lease)
	case err != nil:
		log.WarnContext(ctx, "jobs: how a job ended was not kept; it is done again", "err", err)
	case failure != nil:
		log.WarnContext(ctx, "jobs: a job failed", "outcome", outcome, "err", failure)
	}
	return errors.Join(failure, err)
}

// errCut says that a job did not fail: the server stopped.
var errCut = errors.New("the server stopped")

func (r *Runner) keep(ctx context.Context, k *runningKind, a Attempt, failure error) (outcome string, err error) {
	now := r.opts.Clock.Now()
	switch {
	case failure == nil:
		return outcomeDone, r.opts.Queue.Done(ctx, a)
	case errors.Is(failure, errCut):
		return outcomeCut, r.opts.Queue.Retry(ctx, a, now, errCut.Error())
	}
	at, again := k.next(a, now, failure)
	if again {
		return outcomeFailed, r.opts.Queue.Retry(ctx, a, at, firstWords(failure))
	}
	err = r.opts.InTx(ctx, func(ctx context.Context) error {
		if err := k.GiveUp(ctx, a, failure); err != nil {
			return err
		}
		return r.opts.Queue.Done(ctx, a)
	})
	if err == nil || errors.Is(err, ErrLeaseLost) {
		return outcomeGivenUp, err
	}
	return outcomeFailed, r.opts.Queue.Retry(ctx, a, now.Add(k.Longest), firstWords(errors.Join(failure, err)))
}

// firstWords bounds what a row keeps of an error, which may hold what a foreign
// server answered: PostgreSQL keeps no text with a NUL in it.
func firstWords(err error) string {
	const most = 500
	text := []rune(strings.ReplaceAll(err.Error(), "\x00", ""))
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}

// do runs a job; a panic is a failure of that attempt.
func do(ctx context.Context, f func(context.Context, Attempt) error, a Attempt) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f(ctx, a)
}
