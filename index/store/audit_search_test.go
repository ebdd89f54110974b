package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// auditSearches are the questions that people and programs ask the log, and the index
// that answers each without reading rows that do not fit; "" is the order of the rows
// themselves, which ends at the limit.
var auditSearches = map[string]struct {
	q     audit.Query
	index string
}{
	"the newest":           {audit.Query{Limit: 50}, ""},
	"the next page":        {audit.Query{Limit: 50, Before: 900_000}, ""},
	"an export":            {audit.Query{Limit: 1000, Oldest: true, After: 500_000}, ""},
	"who":                  {audit.Query{Actor: "person:7", Limit: 50}, "audit_actor"},
	"what":                 {audit.Query{Action: "channel:remove", Limit: 50}, "audit_action"},
	"to what":              {audit.Query{Resource: "repository acme-7/hello", Limit: 50}, "audit_resource"},
	"in what namespace":    {audit.Query{Namespace: "acme-7", Limit: 50}, "audit_namespace"},
	"a namespace's past":   {audit.Query{Namespace: "acme-7", Oldest: true, After: 500_000, Limit: 1000}, "audit_namespace"},
	"what was denied":      {audit.Query{Outcome: "denied", Limit: 50}, "audit_outcome"},
	"what failed":          {audit.Query{Outcome: "failed", Limit: 50}, "audit_outcome"},
	"what nobody ever did": {audit.Query{Action: "nothing", Limit: 50}, "audit_action"},
}

// TestSearchesOfTheAuditLogHaveAnIndex_K1: by SQLite; a benchmark looks at a million rows.
func TestSearchesOfTheAuditLogHaveAnIndex_K1(t *testing.T) {
	t.Parallel()
	s := open(t, "sqlite://"+filepath.Join(t.TempDir(), "x.db"))
	for name, c := range auditSearches {
		if plan := planOf(t, s, c.q); c.index != "" && !strings.Contains(plan, c.index+" ") && !strings.HasSuffix(plan, c.index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: expected the index %q: %s", name, c.index, plan)
		}
	}
}

// planOf is how SQLite answers a question to the log.
func planOf(t testing.TB, s *Store, q audit.Query) string {
	t.Helper()
	return planOfQuery(t, s, s.auditQuery(t.Context(), q, new([]auditRow)))
}

// planOfQuery is how SQLite answers a question.
func planOfQuery(t testing.TB, s *Store, q *bun.SelectQuery) string {
	t.Helper()
	var plan []struct {
		Detail string `bun:"detail"`
		ID     int64  `bun:"id"`
		Parent int64  `bun:"parent"`
		Unused int64  `bun:"notused"`
	}
	if err := s.read.NewRaw("EXPLAIN QUERY PLAN "+q.String()).Scan(t.Context(), &plan); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, step := range plan {
		out = append(out, step.Detail)
	}
	return strings.Join(out, "; ")
}

// BenchmarkAuditSearch asks a log of a million rows, of which few fit most questions.
func BenchmarkAuditSearch(b *testing.B) {
	s, err := Open(b.Context(), "sqlite://"+filepath.Join(b.TempDir(), "x.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const million = 1_000_000
	rows := make([]auditRow, 0, 1000)
	for i := range int64(million) {
		rows = append(rows, auditRow{Seq: i + 1, At: micro(noon.Add(time.Duration(i) * time.Second)), Actor: fmt.Sprint("person:", i%5000), Session: "s",
			Action: []string{"plugin:publish", "namespace:manage", "members:manage"}[i%3], Resource: fmt.Sprintf("repository acme-%d/hello", i%2000),
			Outcome: "allowed", After: `{"tag":"1.0.0"}`, Request: "GJMAMHISZQJD2CYO", Hash: make([]byte, 32)})
		if last := &rows[len(rows)-1]; i%10_007 == 0 {
			last.Outcome, last.Action = "denied", "channel:remove"
		}
		if len(rows) == cap(rows) {
			if _, err := s.write.NewInsert().Model(&rows).Exec(b.Context()); err != nil {
				b.Fatal(err)
			}
			rows = rows[:0]
		}
	}
	for name, c := range auditSearches {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.AuditLog(b.Context(), c.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("one-more-row", func(b *testing.B) {
		for b.Loop() {
			if err := s.AppendAudit(b.Context(), auth.AuditRecord{At: noon, Actor: "person:7", Action: "plugin:publish", Resource: "repository acme-7/hello", Outcome: "allowed", After: `{"tag":"1.0.0"}`}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
