package store

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index"
)

type publicationRow struct {
	bun.BaseModel `bun:"table:publications"`

	Repository  string `bun:"repository,pk"`
	Digest      string `bun:"digest,pk"`
	PublishedAt int64  `bun:"published_at"`
}

// publicationRows is how many rows one statement writes.
const publicationRows = 500

// FirstPublished says when versions came to this site. Of each in seen it notes
// the time where none is noted yet, and gives the one that is: of several who
// note a version, also at once and on several replicas, the first to be
// committed counts, for all of them and for ever.
func (s *Store) FirstPublished(ctx context.Context, seen index.Arrivals) (index.Arrivals, error) {
	const what = "publications"
	known := make(index.Arrivals, len(seen))
	if err := s.publications(ctx, slices.Collect(maps.Keys(seen)), known); err != nil {
		return nil, wrap(what, err)
	}
	fresh := missing(seen, known)
	if len(fresh) == 0 {
		return known, nil
	}
	for part := range slices.Chunk(fresh, publicationRows) { // each row stands for itself
		if err := s.publish(ctx, part, seen, known); err != nil {
			return nil, wrap(what, err)
		}
	}
	return known, wrap(what, s.publications(ctx, missing(seen, known), known)) // others were first
}

// missing are the versions in seen and not in known, in one order, so that no
// two who write them wait for each other.
func missing(seen, known index.Arrivals) []index.Arrival {
	var out []index.Arrival
	for p := range seen {
		if _, ok := known[p]; !ok {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b index.Arrival) int {
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Digest, b.Digest))
	})
	return out
}

// publish writes the rows of versions that have none, and adds those to known.
func (s *Store) publish(ctx context.Context, versions []index.Arrival, seen, known index.Arrivals) error {
	rows := make([]publicationRow, len(versions))
	for i, p := range versions {
		rows[i] = publicationRow{Repository: p.Repository, Digest: p.Digest.String(), PublishedAt: micro(seen[p])}
	}
	var written []publicationRow
	if err := s.writer(ctx).NewInsert().Model(&rows).On("CONFLICT DO NOTHING").Returning("*").Scan(ctx, &written); err != nil {
		return err
	}
	note(known, written)
	return nil
}

// publications adds what is noted of wanted to known.
func (s *Store) publications(ctx context.Context, wanted []index.Arrival, known index.Arrivals) error {
	for part := range slices.Chunk(wanted, publicationRows) {
		keys := make([]bun.TupleValues, 0, len(part))
		for _, p := range part {
			keys = append(keys, bun.Tuple([]string{p.Repository, p.Digest.String()}))
		}
		var rows []publicationRow
		err := s.reader(ctx).NewSelect().Model(&rows).Where("(repository, digest) IN (VALUES ?)", bun.List(keys)).Scan(ctx)
		if err != nil {
			return err
		}
		note(known, rows)
	}
	return nil
}

func note(known index.Arrivals, rows []publicationRow) {
	for _, r := range rows {
		known[index.Arrival{Repository: r.Repository, Digest: digest.Digest(r.Digest)}] = fromMicro(r.PublishedAt)
	}
}
