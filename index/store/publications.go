package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/uptrace/bun"
)

type publicationRow struct {
	bun.BaseModel `bun:"table:publications"`

	Repository  string `bun:"repository,pk"`
	Digest      string `bun:"digest,pk"`
	PublishedAt int64  `bun:"published_at"`
}

// publicationRows is how many rows one statement writes.
const publicationRows = 500

// FirstPublished says when versions of a repository came to this site. Of each
// in seen it notes the time where none is noted yet, and gives the one that is:
// of several who note a version, also at once and on several replicas, the
// first to be committed counts, for all of them and for ever.
func (s *Store) FirstPublished(ctx context.Context, repository string, seen map[digest.Digest]time.Time) (map[digest.Digest]time.Time, error) {
	what := fmt.Sprintf("publications of %q", repository)
	known, err := s.publications(ctx, repository, seen)
	if err != nil || len(known) == len(seen) {
		return known, wrap(what, err)
	}
	var rows []publicationRow
	for _, d := range slices.Sorted(maps.Keys(seen)) { // in one order, so that no two wait for each other
		if _, ok := known[d]; !ok {
			rows = append(rows, publicationRow{Repository: repository, Digest: d.String(), PublishedAt: micro(seen[d])})
		}
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		for part := range slices.Chunk(rows, publicationRows) {
			if _, err := s.writer(ctx).NewInsert().Model(&part).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
				return wrap(what, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	known, err = s.publications(ctx, repository, seen)
	return known, wrap(what, err)
}

// publications are the noted ones among wanted.
func (s *Store) publications(ctx context.Context, repository string, wanted map[digest.Digest]time.Time) (map[digest.Digest]time.Time, error) {
	if len(wanted) == 0 {
		return map[digest.Digest]time.Time{}, nil
	}
	q := s.reader(ctx).NewSelect().Model((*publicationRow)(nil)).Column("digest", "published_at").Where("repository = ?", repository)
	if len(wanted) <= publicationRows {
		q = q.Where("digest IN (?)", bun.List(slices.Collect(maps.Keys(wanted))))
	}
	var rows []publicationRow
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, err
	}
	known := make(map[digest.Digest]time.Time, len(wanted))
	for _, r := range rows {
		if _, ok := wanted[digest.Digest(r.Digest)]; ok {
			known[digest.Digest(r.Digest)] = fromMicro(r.PublishedAt)
		}
	}
	return known, nil
}
