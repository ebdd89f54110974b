package periodic

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/oarlock/oarlock/artifact/clock"
)

var quiet = slog.New(slog.DiscardHandler)

// TestTasksRunAgain: a task begins after its pause, again after the next, and
// at once where it is asked for; what it ended with is told.
func TestTasksRunAgain(t *testing.T) {
	t.Parallel()
	hand := clock.NewHand(time.Unix(0, 0))
	ran := make(chan int)
	n := 0
	r := New(hand.Clock(), quiet, Task{Name: "count", Every: time.Hour, Run: func(context.Context) error {
		n++
		ran <- n
		switch n {
		case 2:
			return errors.New("the second fails")
		case 3:
			panic("the third panics")
		}
		return nil
	}})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { r.Run(ctx); close(ended) }()
	for want := 1; want <= 3; want++ {
		if err := hand.Await(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if want == 3 {
			r.Now("count")
		} else {
			hand.Advance(time.Hour)
		}
		if got := <-ran; got != want {
			t.Fatalf("run %d, want %d", got, want)
		}
	}
	if err := hand.Await(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	s := r.Status()[0]
	if s.Runs != 3 || s.Failures != 2 || s.Err == nil || !strings.Contains(s.Err.Error(), "panic: the third") || !s.Ended.Equal(time.Unix(7200, 0)) {
		t.Errorf("status %+v", s)
	}
	stop()
	<-ended
	if r.Now("nobody") {
		t.Error("a task that is not there was asked for")
	}
}

func TestAtStart(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	r := New(clock.NewHand(time.Unix(0, 0)).Clock(), quiet, Task{Name: "first", Every: time.Hour, AtStart: true,
		Run: func(context.Context) error { stop(); return nil }})
	r.Run(ctx)
	if s := r.Status()[0]; s.Runs != 1 {
		t.Errorf("status %+v, want one run", s)
	}
}

func TestPauseKeepsItsBounds(t *testing.T) {
	t.Parallel()
	k := &task{Task: Task{Every: time.Minute, Jitter: time.Second}}
	for range 1000 {
		if p := k.pause(); p < time.Minute || p >= time.Minute+time.Second {
			t.Fatalf("pause %v", p)
		}
	}
}

func TestNewRefusesMistakes(t *testing.T) {
	t.Parallel()
	run := func(context.Context) error { return nil }
	good := Task{Name: "a", Every: 1, Run: run}
	for _, tasks := range [][]Task{{{Every: 1, Run: run}}, {{Name: "a", Run: run}}, {{Name: "a", Every: 1}}, {good, good}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v: no panic", tasks)
				}
			}()
			New(clock.Clock{}, quiet, tasks...)
		}()
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	r := New(clock.Clock{}, quiet, Task{Name: "once", Every: time.Hour, AtStart: true, Run: func(context.Context) error { stop(); return nil }})
	r.Run(ctx)
	const want = `
# HELP oarlock_background_failures_total Runs of background tasks that ended with an error.
# TYPE oarlock_background_failures_total counter
oarlock_background_failures_total{task="once"} 0
# HELP oarlock_background_runs_total Runs of background tasks that ended.
# TYPE oarlock_background_runs_total counter
oarlock_background_runs_total{task="once"} 1
`
	if err := testutil.CollectAndCompare(r, strings.NewReader(want), "oarlock_background_runs_total", "oarlock_background_failures_total"); err != nil {
		t.Error(err)
	}
}

// TestTheLastIsDoneAtTheEnd: once, after the last run, with a context that has
// not ended; that it panics ends nobody else.
func TestTheLastIsDoneAtTheEnd(t *testing.T) {
	t.Parallel()
	var said []string
	began := make(chan struct{})
	r := New(clock.NewHand(time.Unix(0, 0)).Clock(), quiet,
		Task{Name: "save", Every: time.Hour, AtStart: true, Run: func(ctx context.Context) error {
			said = append(said, "run")
			close(began)
			<-ctx.Done()
			return ctx.Err()
		}, Last: func(ctx context.Context) error {
			said = append(said, "last")
			if ctx.Err() != nil {
				said = append(said, "too late")
			}
			return nil
		}},
		Task{Name: "panics", Every: time.Hour, Run: func(context.Context) error { return nil }, Last: func(context.Context) error { panic("at the end") }})
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-began; stop() }()
	r.Run(ctx)
	if got := strings.Join(said, ", "); got != "run, last" {
		t.Errorf("done: %s", got)
	}
}

// TestAQuietTaskIsCountedAndNotLogged.
func TestAQuietTaskIsCountedAndNotLogged(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{false, true} {
		var log strings.Builder
		ctx, stop := context.WithCancel(t.Context())
		hand := clock.NewHand(time.Unix(0, 0))
		r := New(hand.Clock(), slog.New(slog.NewTextHandler(&log, nil)),
			Task{Name: "fails", Every: time.Hour, AtStart: true, Quiet: silent, Run: func(context.Context) error { return errors.New("broken") }})
		ended := make(chan struct{})
		go func() { r.Run(ctx); close(ended) }()
		if err := hand.Await(ctx, 1); err != nil { // it sleeps after its run
			t.Fatal(err)
		}
		stop()
		<-ended
		if s := r.Status()[0]; s.Failures != 1 || strings.Contains(log.String(), "broken") == silent {
			t.Errorf("quiet %v: %d failures, logged %q", silent, s.Failures, log.String())
		}
	}
}
