package publog_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/index/publog"
)

// Proves G6: two servers over two copies of one database, as after a failover that went
// wrong, sign one history: the one that is slower shows nothing of its own, however many
// leaves the other one has, and publishes no more.
func TestTwoDatabasesSignOneHistory_G6(t *testing.T) {
	t.Parallel()
	for what, first := range map[string]int{"as many leaves": 1, "more leaves": 2} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir, r := t.TempDir(), &record{}
			one, two := filepath.Join(dir, "1.db"), filepath.Join(dir, "2.db")
			s := opened(t, one)
			write(t, logOf(t, options(s, r)), 0, 5)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			copyTo(t, one, two)
			a, b := logOf(t, options(opened(t, one), r)), logOf(t, options(opened(t, two), r))
			write(t, a, 5, 5+first)
			last := r.have
			b.Note(published(50))
			err := b.Advance(t.Context())
			if !errors.Is(err, publog.ErrBehind) && !errors.Is(err, publog.ErrBroken) {
				t.Errorf("the other one goes on: %v", err)
			}
			if _, c := b.Checkpoint(); c.N != 5 || b.Stuck() == nil || r.have != last {
				t.Errorf("it shows %d leaves, stuck %v, remembered %q", c.N, b.Stuck(), r.have)
			}
			write(t, a, 5+first, 6+first)
		})
	}
}

// Proves G6: a database with a checkpoint that nothing beside the registry's bytes
// remembers is not believed.
func TestAForgottenCheckpointStopsTheLog_G6(t *testing.T) {
	t.Parallel()
	path, r := filepath.Join(t.TempDir(), "x.db"), &record{}
	s := opened(t, path)
	write(t, logOf(t, options(s, r)), 0, 5)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r.have = ""
	l := logOf(t, options(opened(t, path), r))
	l.Note(published(5))
	if err := l.Advance(t.Context()); !errors.Is(err, publog.ErrBroken) || !errors.Is(l.Stuck(), publog.ErrBroken) || r.have != "" {
		t.Errorf("%v, stuck %v, remembered %q", err, l.Stuck(), r.have)
	}
}
