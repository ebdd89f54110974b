package publog_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index/publog"
)

// busy has the log grow by a leaf while each witness answers, as under steady load.
func busy(t *testing.T, o *publog.Options, from int, witnesses ...*witness) (l *publog.Log) {
	t.Helper()
	next := from
	for i, w := range witnesses {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if i == 0 {
				l.Note(published(next))
				next++
				if err := l.Advance(r.Context()); err != nil {
					t.Error(err)
				}
			}
			w.ServeHTTP(rw, r)
		}))
		t.Cleanup(s.Close)
		o.Witnesses = append(o.Witnesses, publog.Witness{Key: w.text(), URL: s.URL, Client: s.Client()})
	}
	l = logOf(t, *o)
	return l
}

// Proves G6: under a load that never lets the newest checkpoint be cosigned, one that
// all witnesses cosigned is shown all the same, grows, and never goes back, also over
// a restart and at another replica.
func TestUnderLoadACosignedCheckpointIsShown_G6(t *testing.T) {
	t.Parallel()
	db, r := opened(t, filepath.Join(t.TempDir(), "x.db")), &record{}
	o := options(db, r)
	key := logOf(t, o).Verifier()
	o.Kept = db
	w1, w2 := newWitness("witness.example.org/w1", key), newWitness("witness.example.org/w2", key)
	l := busy(t, &o, 3, w1, w2)
	write(t, l, 0, 3)
	both, seen, size := quorum(t, 0, w1.text(), w2.text()), "", int64(0)
	for range 5 {
		if err := l.Cosign(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, head := l.Checkpoint(); head.N <= size {
			t.Fatal("the log does not grow")
		}
		v, err := publog.VerifyWitnessed(t.Context(), fetch(l), key, both, seen)
		if err != nil || v.Checkpoint.N <= size {
			t.Fatalf("%d leaves after %d: %v", v.Checkpoint.N, size, err)
		}
		seen, size = v.Signed, v.Checkpoint.N
	}
	v, err := publog.VerifyWitnessed(t.Context(), fetch(logOf(t, o)), key, both, seen)
	if err != nil || v.Signed != seen {
		t.Errorf("restarted: %d leaves, expected %d: %v", v.Checkpoint.N, size, err)
	}
	p, err := l.Prove(t.Context(), published(1).Key())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := both.Check(p.Checkpoint, key); err != nil {
		t.Errorf("a proof: %v", err)
	}
	s := newShelf()
	s.holdVersions(0, 3)
	if err := carrierOf(l, s).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		for _, one := range proofsOf(t, s, n) {
			if _, err := both.Check(one.Checkpoint, key); err != nil {
				t.Errorf("the proof of %d: %v", n, err)
			}
		}
	}
	c, err := publog.OpenCopy(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publog.VerifyWitnessed(t.Context(), c.Fetch, key, both, seen); err != nil {
		t.Errorf("the copy: %v", err)
	}
}

// Proves G6: witnesses that do not answer keep the newest checkpoint from nobody for
// long, and what is shown is named as not cosigned.
func TestWithoutWitnessesTheNewestIsShownInTime_G6(t *testing.T) {
	t.Parallel()
	hand := clock.NewHand(noon)
	db, r := opened(t, filepath.Join(t.TempDir(), "x.db")), &record{}
	o := options(db, r)
	o.Clock, o.Kept = hand.Clock(), db
	key := logOf(t, o).Verifier()
	w := newWitness("witness.example.org/w1", key)
	down := false
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if down {
			http.Error(rw, "down", http.StatusServiceUnavailable)
			return
		}
		w.ServeHTTP(rw, r)
	}))
	t.Cleanup(s.Close)
	o.Witnesses = []publog.Witness{{Key: w.text(), URL: s.URL, Client: s.Client()}}
	l := logOf(t, o)
	write(t, l, 0, 2)
	if err := l.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, l, 2, 5)
	if _, c := l.Cosigned(); c.N != 2 {
		t.Fatalf("%d leaves are shown, expected 2", c.N)
	}
	hand.Advance(13 * time.Second)
	if signed, c := l.Cosigned(); c.N != 5 || strings.Contains(signed, w.name) {
		t.Errorf("nobody asked the witness: %d leaves are shown, expected 5", c.N)
	}
	down = true
	write(t, l, 5, 7)
	if err := l.Cosign(t.Context()); err == nil || !strings.Contains(err.Error(), w.name) {
		t.Errorf("the witness is down: %v", err)
	}
	if _, c := l.Cosigned(); c.N != 7 {
		t.Errorf("no witness answers: %d leaves are shown, expected 7 at once", c.N)
	}
	if s := l.State(); s.Size != 7 || s.Witnesses[0].Problem == "" || s.Witnesses[0].Size != 2 {
		t.Errorf("the state says %+v", s)
	}
	down = false
	if err := l.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := publog.VerifyWitnessed(t.Context(), fetch(l), key, quorum(t, 0, w.text()), ""); err != nil {
		t.Error(err)
	}
}

// What is kept of cosignatures is believed as far as it is signed, and another history
// stops the log.
func TestWhatIsKeptOfCosignaturesIsVerified_G6(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, r := opened(t, filepath.Join(dir, "x.db")), &record{}
	o := options(db, r)
	o.Kept = db
	key := logOf(t, o).Verifier()
	w := newWitness("witness.example.org/w1", key)
	o.Witnesses = []publog.Witness{w.served(t)}
	l := logOf(t, o)
	write(t, l, 0, 3)
	signed, c := l.Checkpoint()
	keep := func(db publog.CosignedStore, size int64, signed, lines string) {
		t.Helper()
		next := publog.CosignedCheckpoint{Origin: c.Origin, Size: size, Signed: signed, Lines: lines}
		if err := db.KeepCosigned(t.Context(), next, publog.CosignedCheckpoint{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, lines := range []string{"none\n", newWitness("witness.example.org/w1", other{key}).line("x\n")} {
		keep(db, 3, signed, lines)
		if shown, _ := logOf(t, o).Cosigned(); shown != signed {
			t.Errorf("%q: shown is %q", lines, shown)
		}
	}
	keep(db, 2, "edited", "")
	if got, err := db.CosignedCheckpoint(t.Context()); err != nil || got.Size != 3 {
		t.Errorf("fewer leaves were kept: %+v, %v", got, err)
	}
	keep(db, 1<<40, "edited", "")
	if err := l.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := db.CosignedCheckpoint(t.Context()); err != nil || got.Size != 3 {
		t.Errorf("what was edited stays: %+v, %v", got, err)
	}
	anew := options(opened(t, filepath.Join(dir, "y.db")), &record{})
	if err := anew.Store.SwapLogHead(t.Context(), publog.Head{}, publog.Head{Origin: key.Name(), Tree: tlog.Tree{Hash: emptyRoot(t)}}, nil); err != nil {
		t.Fatal(err)
	}
	forked := logOf(t, anew)
	write(t, forked, 100, 103)
	text, _ := forked.Checkpoint()
	keep(db, 3, text, "")
	if err := logOf(t, o).Stuck(); !errors.Is(err, publog.ErrBroken) {
		t.Errorf("another history was cosigned: %v", err)
	}
}

// other is a verifier, for a witness that looks at none.
type other struct{ note.Verifier }

// Proves G6: rounds of witnesses go on by themselves, and end.
func TestRoundsFollowTheLog_G6(t *testing.T) {
	t.Parallel()
	db, r := opened(t, filepath.Join(t.TempDir(), "x.db")), &record{}
	o := options(db, r)
	key := logOf(t, o).Verifier()
	w := newWitness("witness.example.org/w1", key)
	o.Witnesses, o.Kept = []publog.Witness{w.served(t)}, db
	l := logOf(t, o)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); l.Witness(ctx) }()
	for n := range 5 {
		write(t, l, n, n+1)
		for changed := l.Changes(); ; changed = l.Changes() {
			if signed, c := l.Cosigned(); c.N == int64(n+1) && strings.Contains(signed, w.name) {
				break
			}
			<-changed
		}
	}
	stop()
	<-ended
	if got, err := db.CosignedCheckpoint(t.Context()); err != nil || got.Size != 5 {
		t.Errorf("kept is %+v: %v", got, err)
	}
}

// Proves G6: what was attached and copied while witnesses did not answer is there with
// their cosignatures once they do, also over a restart, and once for each that comes.
func TestProofsGetTheirCosignaturesLater_G6(t *testing.T) {
	t.Parallel()
	db, r := opened(t, filepath.Join(t.TempDir(), "x.db")), &record{}
	o := options(db, r)
	key := logOf(t, o).Verifier()
	w1, w2 := newWitness("witness.example.org/w1", key), newWitness("witness.example.org/w2", key)
	down := http.NewServeMux()
	s2 := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { down.ServeHTTP(rw, r) }))
	t.Cleanup(s2.Close)
	o.Witnesses, o.Kept = []publog.Witness{w1.served(t), {Key: w2.text(), URL: s2.URL, Client: s2.Client()}}, db
	l, s := logOf(t, o), newShelf()
	s.holdVersions(0, 4)
	write(t, l, 0, 2)
	kept := carrierOf(l, s)
	carry := func(what string, want int, q publog.Quorum) {
		t.Helper()
		for _, c := range []*publog.Carrier{kept, carrierOf(l, s), kept} {
			if err := c.Carry(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 2 {
			all := proofsOf(t, s, n)
			if len(all) != want {
				t.Fatalf("%s: %d proofs of %d, expected %d", what, len(all), n, want)
			}
			if _, err := q.Check(all[want-1].Checkpoint, key); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		held, err := publog.OpenCopy(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := publog.VerifyWitnessed(t.Context(), held.Fetch, key, q); err != nil {
			t.Errorf("%s: the copy: %v", what, err)
		}
	}
	carry("no witness was asked", 1, publog.Quorum{})
	if err := l.Cosign(t.Context()); err == nil {
		t.Fatal("a witness that is down cosigned")
	}
	carry("one is down", 2, quorum(t, 0, w1.text()))
	down.Handle("/", w2)
	if err := l.Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	carry("both answer", 3, quorum(t, 0, w1.text(), w2.text()))
	pushed := s.pushed
	carry("nothing is new", 3, quorum(t, 0, w1.text(), w2.text()))
	if s.pushed != pushed {
		t.Errorf("%d pushes more", s.pushed-pushed)
	}
}

// Proves G6: replicas take turns at the witnesses: none tells a witness of fewer leaves
// than another did, which would look like another history, and each shows what the
// other had cosigned.
func TestReplicasTakeTurnsAtWitnesses_G6(t *testing.T) {
	t.Parallel()
	path, r := filepath.Join(t.TempDir(), "x.db"), &record{}
	o := options(opened(t, path), r)
	key := logOf(t, o).Verifier()
	w := newWitness("witness.example.org/w1", key)
	var turn sync.Mutex
	var replicas []*publog.Log
	served := w.served(t)
	for range 2 {
		db := opened(t, path)
		o := options(db, r)
		o.Kept, o.Witnesses = db, []publog.Witness{served}
		o.WitnessLock = func(context.Context) (func(), error) { turn.Lock(); return turn.Unlock, nil }
		replicas = append(replicas, logOf(t, o))
	}
	var all sync.WaitGroup
	for i, l := range replicas {
		all.Go(func() {
			for n := range 30 {
				l.Note(published(1000*(i+1) + n))
				if err := l.Advance(t.Context()); err != nil {
					t.Error(err)
				}
				if err := l.Cosign(t.Context()); err != nil {
					t.Errorf("replica %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	q, seen := quorum(t, 0, w.text()), ""
	if err := replicas[0].Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := replicas[0].Cosign(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, l := range replicas {
		if err := l.Advance(t.Context()); err != nil {
			t.Fatal(err)
		}
		v, err := publog.VerifyWitnessed(t.Context(), fetch(l), key, q, seen)
		if err != nil || v.Checkpoint.N != 60 {
			t.Errorf("replica %d: %d leaves: %v", i, v.Checkpoint.N, err)
		}
		seen = v.Signed
		if s := l.State(); s.Witnesses[0].Problem != "" {
			t.Errorf("replica %d says %s", i, s.Witnesses[0].Problem)
		}
	}
}
