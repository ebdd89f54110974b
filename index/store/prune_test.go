package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// contractPrune: rows go after their time, the rest can be proven, and a head
// that is new enough still proves it (K1).
func contractPrune(t *testing.T, s *Store) {
	ctx := t.Context()
	at := func(i int) time.Time { return noon.Add(time.Duration(i) * time.Hour) }
	heads := map[int64]audit.Head{}
	for i := range 10 {
		want(t, "append", s.AppendAudit(ctx, auth.AuditRecord{At: at(i), Actor: "person:ada", Action: "a", Resource: "site"}), nil)
		head, err := s.AuditHead(ctx)
		want(t, "head", err, nil)
		heads[head.Seq] = head
	}
	n, err := s.PruneAudit(ctx, "process:audit", at(4), at(20))
	same(t, "removed", n, int64(4), err)
	n, err = s.PruneAudit(ctx, "process:audit", at(4), at(20))
	same(t, "removed again", n, int64(0), err)
	rows, err := s.AuditLog(ctx, audit.Query{})
	want(t, "log", err, nil)
	if len(rows) != 7 || rows[6].Seq != 5 || rows[0].Action != PruneAction || !strings.Contains(rows[0].After, `"through":4`) {
		t.Errorf("%d rows, the first %+v, the last %+v", len(rows), rows[0], rows[len(rows)-1])
	}
	for seq, head := range heads {
		_, err := s.VerifyAudit(ctx, head)
		if seq < 4 {
			want(t, fmt.Sprintf("head %d, which was removed", seq), err, artifact.ErrInvalid)
		} else if err != nil {
			t.Errorf("head %d: %v", seq, err)
		}
	}
	other := heads[4]
	other.Hash = heads[5].Hash
	_, err = s.VerifyAudit(ctx, other)
	want(t, "another head at the row that was removed last", err, artifact.ErrUnverified)
	if _, err := s.write.ExecContext(ctx, "DELETE FROM audit WHERE seq = 5"); err == nil {
		t.Error("a row that was not to be removed is gone")
	}
	if _, err := s.write.ExecContext(ctx, "UPDATE audit_anchor SET seq = 6"); err == nil {
		t.Error("the anchor was moved")
	}
	n, err = s.PruneAudit(ctx, "process:audit", at(100), at(100))
	same(t, "removed but for the last", n, int64(6), err)
	same(t, "appended after that", s.AppendAudit(ctx, auth.AuditRecord{At: at(101), Actor: "x"}), error(nil), nil)
	if _, err := s.VerifyAudit(ctx); err != nil {
		t.Error(err)
	}
}

// Somebody who has the file and moves the beginning of the log is noticed.
func TestAForgedBeginningIsNoticed_K1(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]string{
		"an anchor that no row speaks of": "INSERT INTO audit_anchor SELECT seq, hash FROM audit WHERE seq = 5; DELETE FROM audit WHERE seq <= 5",
		"the anchor is gone":              "DROP TRIGGER audit_anchor_no_delete; DELETE FROM audit_anchor",
		"the row that speaks of it":       "DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE action = 'audit:prune'",
		"another hash":                    "DROP TRIGGER audit_anchor_no_update; UPDATE audit_anchor SET hash = (SELECT hash FROM audit WHERE seq = 4)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, "sqlite://"+filepath.Join(t.TempDir(), "x.db"))
			for i := range 6 {
				if err := s.AppendAudit(t.Context(), auth.AuditRecord{At: noon.Add(time.Duration(i) * time.Hour), Actor: "x"}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.PruneAudit(t.Context(), "p", noon.Add(3*time.Hour), noon); err != nil {
				t.Fatal(err)
			}
			if _, err := s.write.ExecContext(t.Context(), forge); err != nil {
				t.Fatal(err)
			}
			var tampered *audit.TamperedError
			if head, err := s.VerifyAudit(t.Context()); !errors.As(err, &tampered) {
				t.Errorf("head %s, %v", head, err)
			}
			if n, err := s.PruneAudit(t.Context(), "p", noon.Add(5*time.Hour), noon); n != 0 || !errors.As(err, &tampered) {
				t.Errorf("removed %d of a log that does not hold: %v", n, err)
			}
		})
	}
}
