package publog_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/store"
)

// carried is what log recovers from.
func carried(o publog.Options, s *shelf, db *store.Store) publog.Options {
	o.Carried, o.Restore = s, db
	return o
}

// Proves G6: a database that is lost, is of an earlier time, or was edited, stops
// publishing, and has the whole log again after Recover: the same leaves, and the
// same history to whoever saw a checkpoint, those too that the copy lacked.
func TestALostLogIsRecovered_G6(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	r, s := &record{}, newShelf()
	db := opened(t, path)
	l := logOf(t, options(db, r))
	write(t, l, 0, 300)
	if err := carrierOf(l, s).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	copyTo(t, path, filepath.Join(dir, "earlier.db"))
	db = opened(t, path)
	l = logOf(t, options(db, r))
	write(t, l, 300, 310) // the copy lacks these
	seen, at := l.Checkpoint()
	if got, err := l.Recover(t.Context(), ""); err != nil || got != (publog.Recovery{Size: 310, Had: 310, Intact: true}) {
		t.Errorf("a log that holds is recovered: %+v, %v", got, err)
	}
	for name, had := range map[string]int64{"earlier.db": 300, "new.db": 0} {
		db := opened(t, filepath.Join(dir, name))
		again := logOf(t, carried(options(db, r), s, db))
		if !errors.Is(again.Stuck(), publog.ErrBehind) {
			t.Fatalf("%s: %v", name, again.Stuck())
		}
		got, err := again.Recover(t.Context(), "")
		if err != nil || got.Size != 310 || got.Had != had || again.Stuck() != nil {
			t.Errorf("%s: %+v, %v, stuck: %v", name, got, err, again.Stuck())
		}
		if v, err := publog.Verify(t.Context(), fetch(again), l.Verifier(), seen); err != nil || v.Checkpoint != at {
			t.Errorf("%s: %+v, %v", name, v.Checkpoint, err)
		}
		write(t, again, 305, 311)
		if v, err := publog.Verify(t.Context(), fetch(again), l.Verifier(), seen); err != nil || v.Checkpoint.N != 311 {
			t.Errorf("%s goes on: %+v, %v", name, v.Checkpoint, err)
		}
		r.have, r.tail = seen, "" // the other one goes on from there; and what the copy and the tail lack its own rows have
		if err := carrierOf(l, s).Carry(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A log of which leaves are nowhere is not recovered, nor is one that a checkpoint
// of somebody else says is longer, and nothing changes.
func TestWhatIsNowhereIsNotRecovered_G6(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, s := &record{}, newShelf()
	l := logOf(t, options(opened(t, filepath.Join(dir, "x.db")), r))
	write(t, l, 0, 20)
	if err := carrierOf(l, s).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	early, earlyTail := r.have, r.tail
	write(t, l, 20, 25)
	late, _ := l.Checkpoint()
	db := opened(t, filepath.Join(dir, "new.db"))
	try := func(what, have, tail, known string, want error) {
		t.Helper()
		r.have, r.tail = have, tail
		o := carried(options(db, r), s, db)
		_, err := logOf(t, o).Recover(t.Context(), known)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if _, err := db.LogHead(t.Context()); want != nil && !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("%s: the database has a head: %v", what, err)
		}
	}
	try("no tail", late, earlyTail, "", publog.ErrBehind)
	try("somebody saw more", early, earlyTail, late, publog.ErrBehind)
	try("another key's checkpoint", early, earlyTail, strings.Replace(late, "— ", "— x", 1), artifact.ErrUnverified)
	whole := maps.Clone(s.blobs)
	t.Cleanup(func() { s.blobs = whole })
	for name, was := range whole { // the sealed events are damaged
		changed := append([]byte(nil), was...)
		changed[len(changed)-1] ^= 1
		s.blobs[name] = changed
	}
	try("damaged", early, "", "", publog.ErrBehind)
}

// A registry that is adopted goes on with its log where the key is the same and all
// is there, and begins another one where not.
func TestAnAdoptedLogGoesOn_G6(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, s := &record{}, newShelf()
	l := logOf(t, options(opened(t, filepath.Join(dir, "x.db")), r))
	write(t, l, 0, 20)
	if err := carrierOf(l, s).Carry(context.Background()); err != nil {
		t.Fatal(err)
	}
	seen, at := l.Checkpoint()
	db := opened(t, filepath.Join(dir, "adopted.db"))
	o := carried(options(db, r), s, db)
	o.Anew = true
	again := logOf(t, o)
	if _, c := again.Checkpoint(); again.Stuck() != nil || c != at {
		t.Errorf("adopted with all there: %+v, stuck: %v", c, again.Stuck())
	}
	write(t, again, 20, 21)
	if v, err := publog.Verify(t.Context(), fetch(again), l.Verifier(), seen); err != nil || v.Checkpoint.N != 21 {
		t.Errorf("it goes on: %+v, %v", v.Checkpoint, err)
	}
	other := opened(t, filepath.Join(dir, "other.db"))
	o = carried(options(other, r), newShelf(), other)
	o.Anew = true
	r.tail = ""
	if anew := logOf(t, o); anew.Stuck() != nil || anew.Verifier().Name() == l.Verifier().Name() {
		t.Errorf("adopted with nothing there: %s, stuck: %v", anew.Verifier().Name(), anew.Stuck())
	}
}

// Proves G6: a row that was taken from the database, and whose event a restart wrote
// once more as another leaf, is recovered all the same: the first leaf counts.
func TestALeafThatWasTakenAndWrittenOnceMoreIsRecovered_G6(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	r, s := &record{}, newShelf()
	db := opened(t, path)
	l := logOf(t, carried(options(db, r), s, db))
	write(t, l, 0, 9)
	if err := carrierOf(l, s).Carry(t.Context()); err != nil {
		t.Fatal(err)
	}
	editRows(t, path, "DELETE FROM log_leaves WHERE number = 5")
	l = logOf(t, carried(options(db, r), s, db))
	if err := carrierOf(l, s).Carry(t.Context()); err != nil { // it is copied, and not read
		t.Fatal(err)
	}
	later := published(5)
	later.At = later.At.Add(time.Hour)
	l.Note(later)
	if err := l.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen, at := l.Checkpoint()
	if at.N != 10 {
		t.Fatalf("%d leaves, expected the event once more", at.N)
	}
	for range 2 {
		if got, err := l.Recover(t.Context(), ""); err != nil || got.Size != 10 {
			t.Fatalf("%+v: %v", got, err)
		}
	}
	if _, err := publog.Verify(t.Context(), fetch(l), l.Verifier(), seen); err != nil {
		t.Error(err)
	}
	p, err := l.Prove(t.Context(), later.Key())
	if err != nil {
		t.Fatal(err)
	}
	if e, _, err := p.Verify(l.Verifier()); err != nil || p.Index != 5 || e != published(5) {
		t.Errorf("leaf %d: %+v, %v", p.Index, e, err)
	}
	write(t, l, 9, 12)
	if err := l.Intact(t.Context()); err != nil {
		t.Error(err)
	}
}
