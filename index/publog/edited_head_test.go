package publog_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/index/publog"
)

// Proves G6: a head of the log that was edited in the database keeps no server from
// starting: it serves, publishes nothing and says why.
func TestAnEditedHeadIsOpenedAndStuck_G6(t *testing.T) {
	t.Parallel()
	for what, edit := range map[string]string{
		"a root that is none":       `UPDATE log_head SET root = x'00'`,
		"another root":              `UPDATE log_head SET root = zeroblob(32)`,
		"a size below zero":         `UPDATE log_head SET size = -1`,
		"a smaller size":            `UPDATE log_head SET size = 3`,
		"an origin that is no name": `UPDATE log_head SET origin = 'x + y'`,
		"another origin":            `UPDATE log_head SET origin = 'plugins.example.org/log/other'`,
		"no origin":                 `UPDATE log_head SET origin = ''`,
		"another checkpoint":        `UPDATE log_head SET checkpoint = 'x'`,
		"no head":                   `DELETE FROM log_head`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path, r := filepath.Join(t.TempDir(), "x.db"), &record{}
			s := opened(t, path)
			write(t, logOf(t, options(s, r)), 0, 10)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			if _, err := db.ExecContext(t.Context(), edit); err != nil {
				t.Fatal(err)
			}
			shown := r.have
			l := logOf(t, options(opened(t, path), r))
			l.Note(published(77))
			advanced := l.Advance(t.Context())
			stuck := func(err error) bool { return errors.Is(err, publog.ErrBehind) || errors.Is(err, publog.ErrBroken) }
			if !stuck(l.Stuck()) || !stuck(advanced) || r.have != shown {
				t.Errorf("stuck: %v, and then %v; remembered %q", l.Stuck(), advanced, r.have)
			}
		})
	}
}
