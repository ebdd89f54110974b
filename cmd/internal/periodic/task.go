package periodic

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
)

// A Task is something that is done again and again.
type Task struct {
	// Name stands in logs and metrics, like "garbage_collection".
	Name string
	// Every is the pause from the end of one run to the beginning of the next.
	Every time.Duration
	// Jitter lengthens each pause by a random part of up to so much.
	Jitter time.Duration
	// AtStart has the first run begin without a pause.
	AtStart bool
	// Run does it once. An error is logged and counted, and the next run
	// comes all the same. It ends soon when the context does.
	Run func(context.Context) error
	// Last, if any, is done when the Runner ends, after the last run. Its
	// context lasts a little longer than that of Run.
	Last func(context.Context) error
	// Quiet counts an error and does not log it: Run has said it better.
	Quiet bool
}

// lastWithin bounds what is done at the end.
const lastWithin = 10 * time.Second

// Status is what is known of a task.
type Status struct {
	Name string
	// Began and Ended are zero where no run began or ended.
	Began, Ended time.Time
	Runs         int
	Failures     int
	// Err is how the last run ended.
	Err error
}

// A Runner runs tasks. Make one with New.
type Runner struct {
	clock clock.Clock
	log   *slog.Logger
	tasks []*task
}

type task struct {
	Task
	now    chan struct{}
	mu     sync.Mutex
	status Status
}

// New makes a Runner of tasks, which run when Run is called. It panics when a
// task has no name, no pause or nothing to run, or two have one name: that is a
// mistake of the program.
func New(c clock.Clock, log *slog.Logger, tasks ...Task) *Runner {
	r := &Runner{clock: c, log: log}
	names := map[string]bool{}
	for _, t := range tasks {
		if t.Name == "" || t.Every <= 0 || t.Run == nil || names[t.Name] {
			panic(fmt.Sprintf("periodic: task %q needs a name of its own, a pause and something to run", t.Name))
		}
		names[t.Name] = true
		r.tasks = append(r.tasks, &task{Task: t, now: make(chan struct{}, 1), status: Status{Name: t.Name}})
	}
	return r
}

// Run runs the tasks until ctx ends, and returns when the last one has.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, t := range r.tasks {
		all.Go(func() { r.repeat(ctx, t) })
	}
	all.Wait()
}

// Now has the task with this name run without waiting for its pause, after the
// run that may be under way. It reports whether there is such a task.
func (r *Runner) Now(name string) bool {
	for _, t := range r.tasks {
		if t.Name == name {
			select {
			case t.now <- struct{}{}:
			default: // it was asked for already
			}
			return true
		}
	}
	return false
}

// Status is what is known of each task, in the order of New.
func (r *Runner) Status() []Status {
	out := make([]Status, 0, len(r.tasks))
	for _, t := range r.tasks {
		t.mu.Lock()
		out = append(out, t.status)
		t.mu.Unlock()
	}
	return out
}

func (r *Runner) repeat(ctx context.Context, t *task) {
	defer r.last(ctx, t)
	pause := time.Duration(0)
	if !t.AtStart {
		pause = t.pause()
	}
	for {
		timer := r.clock.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-t.now:
			timer.Stop()
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return
		}
		r.once(ctx, t)
		pause = t.pause()
	}
}

func (t *task) pause() time.Duration {
	if t.Jitter <= 0 {
		return t.Every
	}
	return t.Every + rand.N(t.Jitter) //nolint:gosec // a pause, not a secret
}

func (r *Runner) once(ctx context.Context, t *task) {
	t.mu.Lock()
	t.status.Began = r.clock.Now()
	t.mu.Unlock()
	err := guarded(ctx, t.Task.Run)
	if err != nil && ctx.Err() == nil && !t.Quiet {
		r.log.Error("background task failed, it runs again", "task", t.Name, "err", err, "again_in", t.Every)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.Ended, t.status.Err = r.clock.Now(), err
	t.status.Runs++
	if err != nil {
		t.status.Failures++
	}
}

func (r *Runner) last(ctx context.Context, t *task) {
	if t.Last == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
	defer cancel()
	if err := guarded(ctx, t.Last); err != nil {
		r.log.ErrorContext(ctx, "background task did not end well", "task", t.Name, "err", err)
	}
}

func guarded(ctx context.Context, do func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return do(ctx)
}
