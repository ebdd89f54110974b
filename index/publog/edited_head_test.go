package publog_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/index/publog"
)

// Proves G6: a head of the log that was edited in the database keeps no server from
// starting: it serves, publishes nothing and says why.
func TestAnEditedHeadIsOpenedAndStuck_G6(t *testing.T) {
	t.Parallel()
	for what, edit := range map[string]func(*publog.Head){
		"another root":              func(h *publog.Head) { h.Hash[0]++ },
		"a size below zero":         func(h *publog.Head) { h.N = -1 },
		"a smaller size":            func(h *publog.Head) { h.N = 3 },
		"an origin that is no name": func(h *publog.Head) { h.Origin = "x + y" },
		"another origin":            func(h *publog.Head) { h.Origin = "plugins.example.org/log/other" },
		"no origin":                 func(h *publog.Head) { h.Origin = "" },
		"another checkpoint":        func(h *publog.Head) { h.Checkpoint = "x" },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := &record{}
			s := opened(t, filepath.Join(t.TempDir(), "x.db"))
			write(t, logOf(t, options(s, r)), 0, 10)
			was, err := s.LogHead(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			is := was
			edit(&is)
			if err := s.SwapLogHead(t.Context(), was, is, nil); err != nil {
				t.Fatal(err)
			}
			shown := r.have
			l := logOf(t, options(s, r))
			l.Note(published(77))
			advanced := l.Advance(t.Context())
			stuck := func(err error) bool { return errors.Is(err, publog.ErrBehind) || errors.Is(err, publog.ErrBroken) }
			if !stuck(l.Stuck()) || !stuck(advanced) || r.have != shown {
				t.Errorf("stuck: %v, and then %v; remembered %q", l.Stuck(), advanced, r.have)
			}
		})
	}
}
