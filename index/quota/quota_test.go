package quota

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/oarlock/oarlock/artifact"
)

func quotaOf(store Store, l Limits) *Quota {
	return New(store, func(string) Limits { return l })
}

// TestQuotaUnderParallelUploads_B7: a hundred uploads through two servers race
// for room for ten; ten get it, and the count is exact.
func TestQuotaUnderParallelUploads_B7(t *testing.T) {
	t.Parallel()
	store := newMemory()
	servers := []*Quota{quotaOf(store, Limits{Bytes: 100}), quotaOf(store, Limits{Bytes: 100})}
	var wg sync.WaitGroup
	var in atomic.Int64
	for i := range 100 {
		wg.Go(func() {
			r, err := servers[i%2].Reserve(t.Context(), "acme", 10, 1)
			if err == nil {
				err = r.Commit(t.Context(), 10, 1)
			}
			var quota *Error
			switch {
			case err == nil:
				in.Add(1)
			case !errors.As(err, &quota) || quota.Limit != "bytes" || !errors.Is(err, artifact.ErrDenied):
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	used, err := servers[0].Usage(t.Context(), "acme")
	if err != nil || used.Bytes != 100 || used.Versions != 10 || in.Load() != 10 {
		t.Errorf("%d got in, %+v, %v", in.Load(), used, err)
	}
	if len(servers[0].held)+len(servers[1].held) != 0 {
		t.Error("accounts are left behind")
	}
}

func TestQuotaNamesItsLimit_B7(t *testing.T) {
	t.Parallel()
	store := newMemory()
	q := quotaOf(store, Limits{Bytes: 100, Versions: 1})
	first, err := q.Reserve(t.Context(), "acme", 60, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Reserve(t.Context(), "acme", 60, 0); err == nil || err.Error() != `quota "bytes" of namespace acme: 60 used, 60 asked for, at most 100; see oarlock publisher usage acme, and ask the operator of this registry for more` {
		t.Errorf("bytes: %v", err)
	}
	if _, err := q.Reserve(t.Context(), "acme", 1, 1); err == nil || err.Error() != `quota "versions" of namespace acme: 1 used, 1 asked for, at most 1; see oarlock publisher usage acme, and ask the operator of this registry for more` {
		t.Errorf("versions: %v", err)
	}
	if _, err := q.Reserve(t.Context(), "acme", -1, 0); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("below zero: %v", err)
	}
	first.Release()
	first.Release()
	if err := first.Commit(t.Context(), 60, 1); err != nil {
		t.Errorf("commit after release: %v", err)
	}
	if used, _ := q.Usage(t.Context(), "acme"); used.Bytes != 0 {
		t.Errorf("counted after all: %+v", used)
	}
	store.breakDown(errBroken)
	if _, err := q.Reserve(t.Context(), "acme", 1, 0); !errors.Is(err, errBroken) {
		t.Errorf("a store that does not answer: %v", err)
	}
	for limit, err := range map[string]error{
		"artifact bytes": Limits{ArtifactBytes: 10}.CheckArtifact(11, 0, 0),
		"manifest bytes": Limits{ManifestBytes: 10}.CheckArtifact(0, 11, 0),
		"layers":         Limits{Layers: 10}.CheckArtifact(0, 0, 11),
	} {
		var quota *Error
		if !errors.As(err, &quota) || quota.Limit != limit {
			t.Errorf("%s: %v", limit, err)
		}
	}
	if err := (Limits{}).CheckArtifact(1<<60, 1<<60, 1<<30); err != nil {
		t.Errorf("no limits: %v", err)
	}
}

// TestQuotaLaw: whatever the order of reservations, commits and releases, what
// is used and reserved never passes the limit and never falls below zero.
func TestQuotaLaw(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		store := newMemory()
		q := quotaOf(store, Limits{Bytes: 50, Versions: 5})
		var open []*Reservation
		reserved := int64(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			n := rapid.Int64Range(0, 30).Draw(t, "bytes")
			switch step := rapid.IntRange(0, 3).Draw(t, "step"); {
			case step <= 1:
				if r, err := q.Reserve(t.Context(), "acme", n, 1); err == nil {
					open, reserved = append(open, r), reserved+n
				}
			case len(open) > 0:
				r := open[0]
				open, reserved = open[1:], reserved-r.bytes
				if step == 2 {
					r.Release()
				} else if err := r.Commit(t.Context(), min(n, r.bytes), 1); err != nil {
					t.Fatalf("what was reserved could not be committed: %v", err)
				}
			}
			used, _ := q.Usage(t.Context(), "acme")
			if used.Bytes+reserved > 50 || used.Versions+int64(len(open)) > 5 {
				t.Fatalf("used %+v, reserved %d in %d uploads", used, reserved, len(open))
			}
		}
	})
}
