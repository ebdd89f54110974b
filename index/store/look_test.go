package store

import (
	"errors"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
)

// TestANewerSchemaIsSeenWhileServing_K7: another release brings the schema up
// while this one has the database open.
func TestANewerSchemaIsSeenWhileServing_K7(t *testing.T) {
	t.Parallel()
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), url(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			if err := s.Newer(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.write.ExecContext(t.Context(), "INSERT INTO schema_version (version_id, is_applied) VALUES (99999, ?)", true); err != nil {
				t.Fatal(err)
			}
			if err := s.Newer(t.Context()); !errors.Is(err, ErrNewer) {
				t.Errorf("got %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := s.Newer(t.Context()); err == nil || errors.Is(err, ErrNewer) {
				t.Errorf("of a database that does not answer: %v", err)
			}
		})
	}
}

// TestTheClockIsComparedWithTheDatabases_K7 shifts this machine's clock both ways.
func TestTheClockIsComparedWithTheDatabases_K7(t *testing.T) {
	t.Parallel()
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), url(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			for _, shift := range []time.Duration{0, 40 * time.Second, -40 * time.Second} {
				want := shift
				if !s.postgres() {
					want = 0
				}
				got, err := s.ClockOffset(t.Context(), clock.Offset(shift).Now)
				if err != nil || (got-want).Abs() > 5*time.Second {
					t.Errorf("shifted by %s: %s, %v", shift, got, err)
				}
			}
		})
	}
}
