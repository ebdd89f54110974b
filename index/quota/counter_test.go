package quota

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
)

// TestNobodyIsRefusedForWhatIsGone_B7: at the limit what is stored is counted
// before a refusal, though not for every request.
func TestNobodyIsRefusedForWhatIsGone_B7(t *testing.T) {
	t.Parallel()
	ctx, store, hand := t.Context(), newMemory(), clock.NewHand(time.Unix(1000, 0))
	held, counts := Held{Bytes: 10, Versions: []string{"acme/a:1.0.0"}}, 0
	c := NewCounter(quotaOf(store, Limits{Bytes: 100}), func(context.Context, string) (Held, error) {
		counts++
		return held, nil
	}, hand.Clock(), slog.New(slog.DiscardHandler))
	store.usage["acme"] = Used{Bytes: 100, Versions: 7}
	m := c.Upload("acme")
	if err := m.Take(ctx, 90); err != nil || counts != 1 {
		t.Fatalf("with room for it: %v after %d counts", err, counts)
	}
	held.Bytes = 100
	m.End(90)
	if used, _ := store.Usage(ctx, "acme"); used.Bytes != 100 || used.Versions != 1 {
		t.Errorf("used %+v", used)
	}
	full := func(want int) {
		t.Helper()
		var refused *Error
		if _, err := c.Reserve(ctx, "acme", 1, 0); !errors.As(err, &refused) || counts != want {
			t.Errorf("at the limit: %v after %d counts, want %d", err, counts, want)
		}
	}
	full(1)
	hand.Advance(recountAtMost)
	full(2)
	full(2)
	held.Bytes = 50
	hand.Advance(recountEvery + 1)
	if err := c.Look(ctx); err != nil {
		t.Fatal(err)
	}
	if used, _ := store.Usage(ctx, "acme"); used.Bytes != 50 {
		t.Errorf("six hours later: used %+v", used)
	}
}

// TestReplicasThatCountAtOnceCorrectOnce_B7: two replicas that count one
// namespace at the same time find the same mistake, and it is corrected once.
func TestReplicasThatCountAtOnceCorrectOnce_B7(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), newMemory()
	const size = 100 << 10
	replica := func() *Counter {
		return NewCounter(quotaOf(store, Limits{}), func(context.Context, string) (Held, error) { return Held{Bytes: size}, nil },
			clock.Clock{}, slog.New(slog.DiscardHandler))
	}
	here, there := replica(), replica()
	store.usage["acme"] = Used{Bytes: size}
	for _, mistake := range []int64{1 << 20, -size / 2} {
		if _, err := store.AddUsage(ctx, "acme", mistake, 0, 0, 0); err != nil {
			t.Fatal(err)
		}
		var corrections []func(context.Context) error
		for _, u := range []*Counter{here, there} {
			correct, err := u.count(ctx, "acme")
			if err != nil {
				t.Fatal(err)
			}
			corrections = append(corrections, correct)
		}
		for _, correct := range corrections {
			if err := correct(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if used, _ := store.Usage(ctx, "acme"); used.Bytes != size {
			t.Errorf("after a mistake of %d: %d bytes are counted, want %d", mistake, used.Bytes, size)
		}
	}
	if !there.due["acme"] {
		t.Error("the one that came second does not count again")
	}
}
