package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/jobs/jobstest"
	"github.com/oarlock/oarlock/index/store"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// A bench is a runner over a real database, with a clock that the test turns.
type bench struct {
	store *store.Store
	hand  *clock.Hand
	queue *watched
	*jobs.Runner
}

// watched is a queue that knows how many attempts have not ended.
type watched struct {
	jobs.Queue
	running atomic.Int64
	ended   chan struct{}
}

func (w *watched) Lease(ctx context.Context, ask jobs.Ask) ([]jobs.Attempt, error) {
	attempts, err := w.Queue.Lease(ctx, ask)
	w.running.Add(int64(len(attempts)))
	return attempts, err
}

func (w *watched) Done(ctx context.Context, a jobs.Attempt) error {
	defer w.end()
	return w.Queue.Done(ctx, a)
}

func (w *watched) Retry(ctx context.Context, a jobs.Attempt, at time.Time, reason string) error {
	defer w.end()
	return w.Queue.Retry(ctx, a, at, reason)
}

func (w *watched) end() {
	w.running.Add(-1)
	select {
	case w.ended <- struct{}{}:
	default:
	}
}

func start(t *testing.T, kinds ...jobs.Kind) *bench {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{store: s, hand: clock.NewHand(noon), queue: &watched{Queue: s.Jobs(), ended: make(chan struct{}, 1)}}
	b.Runner = jobs.NewRunner(jobs.RunnerOptions{Queue: b.queue, InTx: s.InTx, Clock: b.hand.Clock(), Log: slog.New(slog.DiscardHandler), Poll: time.Second}, kinds...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func kind(do func(context.Context, jobs.Attempt) error) jobs.Kind {
	return jobs.Kind{Name: "webhook", Do: do, Workers: 3, Lease: 1000 * time.Hour, First: 5 * time.Second, Longest: time.Hour}
}

// until waits for a condition that the runner brings about, and advances the
// clock by a poll each time that no attempt runs.
func (b *bench) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !is() {
		if b.queue.running.Load() > 0 {
			select {
			case <-b.queue.ended:
			case <-ctx.Done():
				t.Fatalf("it never came true: %s", what)
			}
			continue
		}
		if err := b.hand.Await(ctx, 1); err != nil { // the runner waits for its next look
			t.Fatalf("it never came true: %s: %v", what, err)
		}
		b.hand.Advance(time.Second)
	}
}

func (b *bench) waiting(t *testing.T) int64 {
	t.Helper()
	waits, err := b.store.Backlog(t.Context(), "webhook", "")
	if err != nil {
		t.Fatal(err)
	}
	return waits.Jobs
}

// Proves E8: one slow receiver delays no other, whatever waits for it.
func TestSlowKeyDelaysNoOther(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var fast, slow atomic.Int64
	b := start(t, kind(func(ctx context.Context, a jobs.Attempt) error {
		if a.Key == "slow" {
			if slow.Add(1) > 1 {
				return errors.New("two at the same time")
			}
			<-release
			slow.Add(-1)
			return nil
		}
		fast.Add(1)
		return nil
	}))
	for range 20 {
		jobstest.Put(t, b.store.Jobs(), "webhook", "slow", "slow", "slow", "one", "two")
	}
	b.Wake("webhook")
	b.until(t, "the fast ones are done", func() bool { return fast.Load() == 40 })
	if slow.Load() != 1 {
		t.Errorf("%d jobs of the slow key run", slow.Load())
	}
	close(release)
	b.until(t, "all are done", func() bool { return b.waiting(t) == 0 })
}

func TestFailuresComeAgainLaterAndEnd(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var tried []time.Duration
	var gaveUp error
	k := kind(nil)
	k.For = time.Minute
	var b *bench
	ready := make(chan struct{})
	k.Do = func(context.Context, jobs.Attempt) error {
		<-ready
		mu.Lock()
		defer mu.Unlock()
		tried = append(tried, b.hand.Clock().Since(noon))
		if len(tried) == 2 {
			panic("a receiver that nobody thought of")
		}
		return errors.New("503")
	}
	k.GiveUp = func(_ context.Context, a jobs.Attempt, why error) error {
		mu.Lock()
		defer mu.Unlock()
		gaveUp = fmt.Errorf("%d attempts: %w", a.Number, why)
		return nil
	}
	b = start(t, k)
	close(ready)
	jobstest.Put(t, b.store.Jobs(), "webhook", "a")
	b.until(t, "it gives up", func() bool { return b.waiting(t) == 0 })
	mu.Lock()
	defer mu.Unlock()
	// Pauses of about 5, 10, 20 s; the next, about 40 s later, is past the minute.
	if len(tried) != 4 || tried[3] > time.Minute || tried[1]-tried[0] < 4*time.Second || tried[3]-tried[2] < 18*time.Second {
		t.Errorf("tried after %v", tried)
	}
	if gaveUp == nil || gaveUp.Error() != "4 attempts: 503" {
		t.Errorf("told: %v", gaveUp)
	}
	if n := testutil.CollectAndCount(b.Runner); n == 0 {
		t.Error("no metrics")
	}
}

func TestLaterAndGiveUp(t *testing.T) {
	t.Parallel()
	var tried atomic.Int64
	var after atomic.Int64
	k := kind(nil)
	k.For = 72 * time.Hour
	k.GiveUp = func(context.Context, jobs.Attempt, error) error { return nil }
	var b *bench
	ready := make(chan struct{})
	k.Do = func(context.Context, jobs.Attempt) error {
		<-ready
		if tried.Add(1) == 1 {
			return &jobs.Later{At: noon.Add(10 * time.Minute), Err: errors.New("429")}
		}
		after.Store(int64(b.hand.Clock().Since(noon)))
		return fmt.Errorf("410: %w", jobs.ErrGiveUp)
	}
	b = start(t, k)
	close(ready)
	jobstest.Put(t, b.store.Jobs(), "webhook", "a")
	b.until(t, "it gives up", func() bool { return b.waiting(t) == 0 })
	if d := time.Duration(after.Load()); tried.Load() != 2 || d < 10*time.Minute || d > 11*time.Minute {
		t.Errorf("%d attempts, the last after %v", tried.Load(), d)
	}
}

// A server that stops lets running jobs end, or gives them back at once.
func TestStopGivesBack(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	began := make(chan struct{})
	r := jobs.NewRunner(jobs.RunnerOptions{Queue: s.Jobs(), InTx: s.InTx, Log: slog.New(slog.DiscardHandler), Poll: time.Hour},
		kind(func(ctx context.Context, _ jobs.Attempt) error { close(began); <-ctx.Done(); return ctx.Err() }))
	jobstest.Put(t, s.Jobs(), "webhook", "a")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	r.Run(ctx)
	again, err := s.Jobs().Lease(t.Context(), jobs.Ask{Kind: "webhook", Limit: 1, Now: time.Now(), Until: time.Now().Add(time.Minute)})
	if err != nil || len(again) != 1 || again[0].Number != 2 || again[0].LastError != "the server stopped" {
		t.Errorf("after the stop: %+v, %v", again, err)
	}
}

// Drain does what is due without a Run, says what failed, and leaves what is not
// due and what another does.
func TestDrain(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var did []string
	k := kind(func(_ context.Context, a jobs.Attempt) error {
		if a.Key == "bad" {
			return errors.New("503")
		}
		did = append(did, a.Key+string(a.Payload))
		return nil
	})
	k.InOrder, k.Workers = true, 1
	hand := clock.NewHand(noon)
	r := jobs.NewRunner(jobs.RunnerOptions{Queue: s.Jobs(), InTx: s.InTx, Clock: hand.Clock(), Log: slog.New(slog.DiscardHandler), Poll: time.Hour}, k)
	jobstest.Put(t, s.Jobs(), "webhook", "other", "bad", "good", "bad", "good")
	if _, err := s.Jobs().Lease(t.Context(), jobs.Ask{Kind: "webhook", Limit: 1, Now: noon, Until: noon.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if err := r.Drain(t.Context(), "webhook"); err == nil || err.Error() != "503" {
		t.Errorf("drained: %v, want the failure once", err)
	}
	if fmt.Sprint(did) != "[good2 good4]" {
		t.Errorf("did %v", did)
	}
	hand.Advance(time.Minute)
	if err := r.Drain(t.Context(), "webhook"); err == nil || fmt.Sprint(did) != "[good2 good4 other0]" {
		t.Errorf("after a minute: did %v, %v", did, err)
	}
}

// The next job of a key begins when the one before has ended, and not when it is looked
// for jobs again: the clock stands.
func TestTheNextOfAKeyFollowsAtOnce(t *testing.T) {
	t.Parallel()
	done := make(chan string, 3)
	b := start(t, kind(func(_ context.Context, a jobs.Attempt) error { done <- string(a.Payload); return nil }))
	jobstest.Put(t, b.store.Jobs(), "webhook", "one", "one", "one")
	b.Wake("webhook")
	for range 3 {
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatal("it waits for somebody to look again")
		}
	}
}

// Who waits for a job that a worker of this process has is woken when that has ended: the
// clock stands.
func TestTheEndOfAnAttemptIsTold(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	b := start(t, kind(func(context.Context, jobs.Attempt) error { close(begun); <-goOn; return nil }))
	jobstest.Put(t, b.store.Jobs(), "webhook", "one")
	b.Wake("webhook")
	<-begun
	ended := b.Ended("webhook")
	if err := b.Drain(t.Context(), "webhook"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
		t.Fatal("it ended before it did")
	default:
	}
	close(goOn)
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody is told of its end")
	}
	if waiting := b.waiting(t); waiting != 0 {
		t.Errorf("%d jobs are left", waiting)
	}
}
