package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

func contractAudit(t *testing.T, s *Store) {
	ctx := t.Context()
	each(20, func(i int) {
		want(t, "append", s.AppendAudit(ctx, auth.AuditRecord{
			At: noon.Add(time.Duration(i) * time.Second), Actor: fmt.Sprintf("person:%d", i%2), Session: "s", Action: "token:create",
			Resource: "token ü", Outcome: "allowed", Reason: "r", Before: `{"a":1}`, After: "", Request: "q",
		}), nil)
	})
	head, err := s.VerifyAudit(ctx)
	if err != nil || head.Seq != 20 {
		t.Fatalf("%v, %v", head, err)
	}
	rows, err := s.AuditLog(ctx, audit.Query{Actor: "person:1", Action: "token:create", Since: noon, Until: noon.Add(9 * time.Second), Limit: 3})
	if err != nil || len(rows) != 3 || rows[0].Seq <= rows[1].Seq || rows[0].Actor != "person:1" || rows[0].Before != `{"a":1}` {
		t.Fatalf("%+v, %v", rows, err)
	}
	next, err := s.AuditLog(ctx, audit.Query{Actor: "person:1", Until: noon.Add(9 * time.Second), Before: rows[2].Seq})
	same(t, "the next page", len(next), 1, err)
	oldest, err := s.AuditLog(ctx, audit.Query{Oldest: true, After: 4, Limit: 3})
	same(t, "the oldest first", len(oldest) == 3 && oldest[0].Seq == 5 && oldest[2].Seq == 7, true, err)
	for i, resource := range []string{"namespace acme", "repository acme/hello", "repository acme", "namespace acme-tools", "repository acme-tools/x", "tenant acme", "site", "token acme"} {
		want(t, "append", s.AppendAudit(ctx, auth.AuditRecord{At: noon.Add(time.Hour), Actor: "person:ada", Action: "a", Resource: resource, Outcome: []string{"allowed", "denied"}[i%2]}), nil)
	}
	inside, err := s.AuditLog(ctx, audit.Query{Namespace: "acme"})
	same(t, "in a namespace", len(inside) == 3 && inside[2].Resource == "namespace acme" && inside[0].Resource == "repository acme", true, err)
	denied, err := s.AuditLog(ctx, audit.Query{Namespace: "acme", Outcome: "denied"})
	same(t, "denied in a namespace", len(denied) == 1 && denied[0].Resource == "repository acme/hello", true, err)
	if head, err = s.VerifyAudit(ctx); err != nil || head.Seq != 28 {
		t.Fatalf("%v, %v", head, err)
	}
	none, err := s.AuditLog(ctx, audit.Query{Actor: `x' OR '1'='1`})
	same(t, "a question that is no SQL", len(none), 0, err)
	for _, change := range []string{"UPDATE audit SET actor = 'nobody'", "DELETE FROM audit WHERE seq = 28"} {
		if _, err := s.write.ExecContext(ctx, change); err == nil {
			t.Errorf("%s went through", change)
		}
	}
	same(t, "after that", must(s.VerifyAudit(ctx, head)), head, nil)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestForeignBytesLeaveTheChainWhole_K1: what a request was called with is
// written down, and no bytes in it make the log look changed.
func TestForeignBytesLeaveTheChainWhole_K1(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			s := open(t, fresh(t))
			if err := s.AppendAudit(t.Context(), auth.AuditRecord{At: noon, Actor: "a\xff\xfe", Resource: "b\x00c"}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.VerifyAudit(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTamperingIsNoticed_K1: somebody who has the file and lifts the triggers
// cannot change, remove, insert, reorder or cut rows unnoticed.
func TestTamperingIsNoticed_K1(t *testing.T) {
	t.Parallel()
	last := func(rows []auditRow) []auditRow { return rows[:len(rows)-1] }
	for name, c := range map[string]struct {
		tamper func([]auditRow) []auditRow
		kept   bool
		seq    int64
	}{
		"an actor is changed":             {func(r []auditRow) []auditRow { r[4].Actor = "person:eve"; return r }, false, 5},
		"a time is changed":               {func(r []auditRow) []auditRow { r[0].At++; return r }, false, 1},
		"text moves to the next column":   {func(r []auditRow) []auditRow { r[2].Action, r[2].Resource = "ab", ""; return r }, false, 3},
		"a row is removed":                {func(r []auditRow) []auditRow { return append(r[:3:3], r[4:]...) }, false, 4},
		"the first row is removed":        {func(r []auditRow) []auditRow { return r[1:] }, false, 1},
		"a row is removed and renumbered": {func(r []auditRow) []auditRow { return renumber(append(r[:3:3], r[4:]...)) }, false, 4},
		"two rows are swapped":            {func(r []auditRow) []auditRow { r[1], r[2] = r[2], r[1]; return renumber(r) }, false, 2},
		"a hash is changed":               {func(r []auditRow) []auditRow { r[5].Hash[0] ^= 1; return r }, false, 6},
		"the end is cut off":              {last, true, 10},
		"all of it is written anew":       {func(r []auditRow) []auditRow { r[0].Actor = "x"; return rechain(r) }, true, 10},
		"everything is gone":              {func([]auditRow) []auditRow { return nil }, true, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, "sqlite://"+filepath.Join(t.TempDir(), "x.db"))
			for i := range 10 {
				if err := s.AppendAudit(t.Context(), auth.AuditRecord{At: noon, Actor: fmt.Sprint("person:", i), Action: "a", Resource: "b"}); err != nil {
					t.Fatal(err)
				}
			}
			head, err := s.VerifyAudit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var rows []auditRow
			if err := s.read.NewSelect().Model(&rows).Order("seq").Scan(t.Context()); err != nil {
				t.Fatal(err)
			}
			rewrite(t, s, c.tamper(rows))
			var kept []audit.Head
			if c.kept {
				kept = append(kept, head)
			}
			_, err = s.VerifyAudit(t.Context(), kept...)
			var tampered *audit.TamperedError
			if !errors.As(err, &tampered) || tampered.Seq != c.seq || !errors.Is(err, artifact.ErrUnverified) {
				t.Errorf("got %v, want row %d", err, c.seq)
			}
		})
	}
}

func renumber(rows []auditRow) []auditRow {
	for i := range rows {
		rows[i].Seq = int64(i) + 1
	}
	return rows
}

func rechain(rows []auditRow) []auditRow {
	var before []byte
	for i := range rows {
		rows[i].Hash = rows[i].chain(before)
		before = rows[i].Hash
	}
	return rows
}

func rewrite(t *testing.T, s *Store, rows []auditRow) {
	t.Helper()
	for _, q := range []string{"DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete", "DELETE FROM audit"} {
		if _, err := s.write.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if len(rows) > 0 {
		if _, err := s.write.NewInsert().Model(&rows).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestVerifyReadsPages: a log longer than a page is read to its end.
func TestVerifyReadsPages(t *testing.T) {
	t.Parallel()
	s := open(t, "sqlite://"+filepath.Join(t.TempDir(), "x.db"))
	rows := make([]auditRow, 2*verifyPage+1)
	for i := range rows {
		rows[i] = auditRow{Seq: int64(i) + 1, Actor: "a"}
	}
	rewrite(t, s, rechain(rows))
	head, err := s.VerifyAudit(t.Context())
	if diff := cmp.Diff(int64(len(rows)), head.Seq); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// Proves B7: rows of the audit log are never changed, so no secret may get in.
func TestTheAuditLogHidesTokens_B7(t *testing.T) {
	t.Parallel()
	s := open(t, "sqlite://"+filepath.Join(t.TempDir(), "x.db"))
	token := auth.GenerateToken()
	want(t, "append", s.AppendAudit(t.Context(), auth.AuditRecord{At: noon, Actor: "person:ada", Action: "a", Resource: "token " + token, Reason: "lost " + token, After: `{"a":"` + token + `"}`}), nil)
	rows, err := s.AuditLog(t.Context(), audit.Query{})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%+v, %v", rows, err)
	}
	hidden := token[:16] + "…"
	if r := rows[0]; r.Resource != "token "+hidden || r.Reason != "lost "+hidden || r.After != `{"a":"`+hidden+`"}` {
		t.Errorf("%+v", r)
	}
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}
