package store

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
)

// TestReplicasHearChanges_K7: a replica hears what others announce and not
// itself, and after its connection was lost it is told to look at everything.
func TestReplicasHearChanges_K7(t *testing.T) {
	t.Parallel()
	if _, err := OpenNotifier(t.Context(), "sqlite://x"); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("for SQLite: %v", err)
	}
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set")
	}
	open := func() *Notifier {
		n, err := OpenNotifier(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = n.Close() })
		return n
	}
	a, b := open(), open()
	heard, lost := make(chan Change, 16), make(chan error, 16)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.Listen(ctx, func(c Change) {
			if c.Alive.IsZero() {
				heard <- c
			}
		}, func(err error) { lost <- err })
	}()
	next := func(what string, want Change) {
		t.Helper()
		select {
		case got := <-heard:
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", what, diff)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: nothing was heard", what)
		}
	}
	next("at the beginning", Change{Missed: true})
	for _, c := range []Change{{Repository: "acme/hello"}, {Repository: "acme/hello", Tag: "1.0.0", Manifest: "sha256:1", Subject: "sha256:2"}} {
		if err := errors.Join(b.Announce(ctx, Change{Repository: "acme/own"}), a.Announce(ctx, c)); err != nil {
			t.Fatal(err)
		}
		next("an announcement", c)
	}
	both := []Change{{Repository: "acme/hello", Manifest: "sha256:1"}, {Repository: "acme/hello", Tag: "1.0.0", Manifest: "sha256:1"}}
	if err := a.Announce(ctx, both...); err != nil {
		t.Fatal(err)
	}
	next("the first of two at once", both[0])
	next("the second of two at once", both[1])
	if _, err := a.db.ExecContext(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN "+channel+"'"); err != nil {
		t.Fatal(err)
	}
	if err := <-lost; err == nil {
		t.Error("a lost connection without a reason")
	}
	next("after the connection was lost", Change{Missed: true})
	stop()
	<-ended
}
