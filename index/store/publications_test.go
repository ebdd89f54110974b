package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

var (
	firstVersion  = digest.FromString("1.0.0")
	secondVersion = digest.FromString("2.0.0")
)

type noted map[digest.Digest]time.Time

// of are publications in one repository.
func (n noted) of(repository string) index.Arrivals {
	out := index.Arrivals{}
	for d, at := range n {
		out[index.Arrival{Repository: repository, Digest: d}] = at
	}
	return out
}

func contractPublications(t *testing.T, s *Store) {
	ctx := t.Context()
	got, err := s.FirstPublished(ctx, noted{}.of("acme/hello"))
	same(t, "of nothing", got, noted{}.of("acme/hello"), err)
	got, err = s.FirstPublished(ctx, noted{firstVersion: noon}.of("acme/hello"))
	same(t, "what nobody noted", got, noted{firstVersion: noon}.of("acme/hello"), err)
	got, err = s.FirstPublished(ctx, noted{firstVersion: noon.Add(-time.Hour), secondVersion: noon.Add(time.Hour)}.of("acme/hello"))
	same(t, "the first counts, whatever comes later", got, noted{firstVersion: noon, secondVersion: noon.Add(time.Hour)}.of("acme/hello"), err)
	got, err = s.FirstPublished(ctx, noted{firstVersion: noon.Add(time.Minute)}.of("acme/other"))
	same(t, "another repository", got, noted{firstVersion: noon.Add(time.Minute)}.of("acme/other"), err)

	failed := errors.New("the push")
	err = s.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.FirstPublished(ctx, noted{firstVersion: noon}.of("acme/undone")); err != nil {
			return err
		}
		return failed
	})
	want(t, "undone", err, failed)
	got, err = s.FirstPublished(ctx, noted{firstVersion: noon.Add(time.Second)}.of("acme/undone"))
	same(t, "what was undone was not noted", got, noted{firstVersion: noon.Add(time.Second)}.of("acme/undone"), err)

	many := noted{}
	for n := range 3*publicationRows + 7 {
		many[digest.FromString(fmt.Sprint(n))] = noon.Add(time.Duration(n) * time.Second)
	}
	got, err = s.FirstPublished(ctx, many.of("acme/many"))
	same(t, "many at once", got, many.of("acme/many"), err)
	got, err = s.FirstPublished(ctx, many.of("acme/many"))
	same(t, "many again", got, many.of("acme/many"), err)
	want(t, "founding anew", s.InTx(ctx, s.Forsake), nil)
	got, err = s.FirstPublished(ctx, noted{firstVersion: noon.Add(time.Hour)}.of("acme/hello"))
	same(t, "who a database belongs to changes nothing", got, noted{firstVersion: noon}.of("acme/hello"), err)
}

// Replicas that meet a version at once agree on when it came.
func TestReplicasAgreeOnWhenAVersionCame(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := fresh(t)
			replicas := []*Store{open(t, url), open(t, url)}
			answers, errs := make([]index.Arrivals, 16), make([]error, 16)
			each(len(answers), func(i int) {
				at := noon.Add(time.Duration(i) * time.Minute)
				answers[i], errs[i] = replicas[i%2].FirstPublished(context.Background(), noted{firstVersion: at, secondVersion: at}.of("acme/hello"))
			})
			for i := range answers {
				same(t, fmt.Sprint("answer ", i), answers[i], answers[0], errs[i])
			}
			if len(answers[0]) != 2 {
				t.Errorf("%v", answers[0])
			}
		})
	}
}

// What was published before there was a table of it has the time of its audit row.
func TestEarlierPublicationsHaveTheTimeOfTheirAuditRow(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s, err := connect(ctx, fresh(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			if err := s.migrate(ctx, 21); err != nil {
				t.Fatal(err)
			}
			row := func(at time.Time, action, resource, outcome string, d digest.Digest) auth.AuditRecord {
				after, err := json.Marshal(map[string]string{"tag": "1.0.0", "digest": d.String()})
				if err != nil {
					t.Fatal(err)
				}
				return auth.AuditRecord{At: at, Action: action, Resource: resource, Outcome: outcome, After: string(after)}
			}
			broken := row(noon, "plugin:publish", "repository acme/broken", "allowed", firstVersion)
			broken.After = "{"
			for _, r := range []auth.AuditRecord{
				row(noon, "plugin:publish", "repository acme/hello", "denied", firstVersion),
				row(noon.Add(time.Minute), "plugin:publish", "repository acme/hello", "allowed", firstVersion),
				row(noon.Add(time.Hour), "plugin:publish", "repository acme/hello", "allowed", firstVersion),
				row(noon.Add(2*time.Hour), "plugin:publish", "repository acme/hello", "allowed", secondVersion),
				row(noon.Add(-time.Hour), "channel:promote", "repository acme/other", "allowed", firstVersion),
				broken,
			} {
				if err := s.AppendAudit(ctx, r); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.migrate(ctx, latest); err != nil {
				t.Fatal(err)
			}
			later := noon.Add(24 * time.Hour)
			got, err := s.FirstPublished(ctx, noted{firstVersion: later, secondVersion: later}.of("acme/hello"))
			same(t, "published", got, noted{firstVersion: noon.Add(time.Minute), secondVersion: noon.Add(2 * time.Hour)}.of("acme/hello"), err)
			for _, other := range []string{"acme/other", "acme/broken"} {
				got, err = s.FirstPublished(ctx, noted{firstVersion: later}.of(other))
				same(t, other, got, noted{firstVersion: later}.of(other), err)
			}
		})
	}
}
