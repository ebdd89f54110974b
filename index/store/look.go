package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Newer says whether the schema is one that this release does not know, because
// a newer one has brought it up since: an error that wraps ErrNewer and names
// both versions. Any other error could not tell. From then on nothing is
// written, until it says that the schema is known again.
func (s *Store) Newer(ctx context.Context) error {
	p, err := s.provider()
	if err != nil {
		return err
	}
	sources := p.ListSources()
	known := sources[len(sources)-1].Version
	have, err := s.schemaVersion(ctx, s.read.DB)
	if err != nil {
		return err
	}
	if have <= known {
		s.refuse(nil)
		return nil
	}
	err = newer(have, known)
	s.refuse(err)
	return err
}

func newer(have, known int64) error {
	return fmt.Errorf("schema: version %d, this release knows %d: %w", have, known, ErrNewer)
}

// ClockOffset is how far the clock now is ahead of the database's, and behind it
// where it is negative. Of the way of the answer half is taken off, so that it is
// wrong by no more than half of what the question took. A file goes by the clock
// of its machine, and says 0.
func (s *Store) ClockOffset(ctx context.Context, now func() time.Time) (time.Duration, error) {
	if !s.postgres() {
		return 0, nil
	}
	var theirs time.Time
	began, asked := time.Now(), now()
	err := eachRow(ctx, s.read.DB, "SELECT clock_timestamp()", nil, func(r *sql.Rows) error { return r.Scan(&theirs) })
	took := time.Since(began)
	if err == nil && theirs.IsZero() {
		err = errors.New("no answer")
	}
	if err != nil {
		return 0, wrap("clock", err)
	}
	return asked.Add(took / 2).Round(0).Sub(theirs.Round(0)), nil
}
