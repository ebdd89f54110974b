package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/jobs/jobstest"
	"github.com/oarlock/oarlock/index/store"
)

// beating is a queue that tells of each lease that was renewed, or that says failing.
type beating struct {
	jobs.Queue
	renewed chan error
	failing error
}

func (b *beating) Extend(ctx context.Context, a jobs.Attempt, until time.Time) error {
	err := b.failing
	if err == nil {
		err = b.Queue.Extend(ctx, a, until)
	}
	b.renewed <- err
	return err
}

// A beatBench has a job that runs until it is told to end, or is cut.
type beatBench struct {
	*jobs.Runner
	queue *beating
	hand  *clock.Hand
	beats chan time.Time
	began chan struct{}
	over  chan error
}

const beat = time.Hour // no test waits for the machine's clock

func openBeats(t *testing.T, end <-chan struct{}) *beatBench {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := &beatBench{hand: clock.NewHand(noon), beats: make(chan time.Time), began: make(chan struct{}, 9), over: make(chan error, 1),
		queue: &beating{Queue: s.Jobs(), renewed: make(chan error, 9)}}
	k := kind(func(ctx context.Context, _ jobs.Attempt) error {
		b.began <- struct{}{}
		select {
		case <-end:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	k.Beat = beat
	b.Runner = jobs.NewRunner(jobs.RunnerOptions{Queue: b.queue, InTx: s.InTx, Clock: b.hand.Clock(), Log: slog.New(slog.DiscardHandler), Poll: time.Hour,
		Beats: func(time.Duration) (<-chan time.Time, func()) { return b.beats, func() {} }}, k)
	jobstest.Put(t, s.Jobs(), "webhook", "a", "a")
	return b
}

// free are the jobs that another process is given now.
func (b *beatBench) free(t *testing.T) []jobs.Attempt {
	t.Helper()
	now := b.hand.Clock().Now()
	got, err := b.queue.Lease(t.Context(), jobs.Ask{Kind: "webhook", Limit: 9, Now: now, Until: now.Add(beat)})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Proves E5 and K6: a lease is given for a short time and renewed while a job runs, so
// that who was killed holds it up no longer, and nobody else does it meanwhile.
func TestALeaseIsRenewedWhileItsJobRuns_E5_K6(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	b := openBeats(t, end)
	go func() { b.over <- b.Drain(t.Context(), "webhook") }()
	<-b.began
	for range 5 {
		b.hand.Advance(beat - time.Minute)
		b.beats <- time.Time{}
		if err := <-b.queue.renewed; err != nil {
			t.Fatal(err)
		}
		b.hand.Advance(2 * time.Minute)
		if got := b.free(t); len(got) != 0 {
			t.Fatalf("another has it while it runs: %+v", got)
		}
	}
	close(end)
	if err := <-b.over; err != nil {
		t.Errorf("what was renewed ends with %v", err)
	}
	if got := b.free(t); len(got) != 0 {
		t.Errorf("left when all is done: %+v", got)
	}
}

// Proves K6: who was killed keeps others from a job for one beat, whatever an attempt may take.
func TestAKilledProcessHoldsUpAJobForOneBeat_E5_K6(t *testing.T) {
	t.Parallel()
	b := openBeats(t, nil)
	ctx, kill := context.WithCancel(t.Context())
	go func() { b.over <- b.Drain(ctx, "webhook") }()
	<-b.began
	b.hand.Advance(beat - time.Second)
	if got := b.free(t); len(got) != 0 {
		t.Errorf("another has it before: %+v", got)
	}
	b.hand.Advance(time.Second)
	got := b.free(t)
	if len(got) != 1 || got[0].Number != 2 {
		t.Fatalf("after one beat there is %+v", got)
	}
	b.beats <- time.Time{} // it was not killed after all, and asks too late
	if err := <-b.queue.renewed; !errors.Is(err, jobs.ErrLeaseLost) {
		t.Errorf("renewed: %v", err)
	}
	if err := <-b.over; !errors.Is(err, jobs.ErrLeaseLost) {
		t.Errorf("the one before ends with %v", err)
	}
	kill()
	if err := b.queue.Done(t.Context(), got[0]); err != nil {
		t.Errorf("the one who has it: %v", err)
	}
}

// A lease that cannot be renewed for once is tried again.
func TestALeaseThatIsNotRenewedIsTriedAgain_K6(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	b := openBeats(t, end)
	b.queue.failing = errors.New("the database does not answer")
	go func() { b.over <- b.Drain(t.Context(), "webhook") }()
	<-b.began
	for range 2 {
		b.beats <- time.Time{}
		<-b.queue.renewed
	}
	close(end)
	if err := <-b.over; err != nil {
		t.Errorf("it ends with %v", err)
	}
}
