package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// exported reads an export, which must be whole.
func exported(t *testing.T, s *Server, token, query string) ([]index.AuditRow, index.AuditExported) {
	t.Helper()
	status, text := textOf(t, s, token, "GET", "/api/v1/audit/export"+query)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	var rows []index.AuditRow
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		var done index.AuditExportDone
		if err := json.Unmarshal(lines.Bytes(), &done); err != nil {
			t.Fatal(err)
		}
		if done.Done {
			if lines.Scan() {
				t.Errorf("a line after the last one: %s", lines.Text())
			}
			return rows, done.Export
		}
		var row index.AuditRow
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	t.Fatalf("it has no last line: %s", text)
	return nil, index.AuditExported{}
}

// TestTheAuditLogIsExported_K1: whole, by admins; what is in their namespaces, by owners;
// from where an earlier one ended; and each export is written down once.
func TestTheAuditLogIsExported_K1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	eve, stranger := accountOf(t, s, admin, "eve"), accountOf(t, s, admin, "stranger")
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "globex"}, http.StatusCreated)
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:eve", map[string]any{"role": "owner"}, http.StatusNoContent)
	pushAs(t, s, admin, 1)

	all, done := exported(t, s, admin, "")
	last := newest(t, s, admin, 0)[0]
	if int64(len(all)) != last.Seq || done.Rows != last.Seq || done.Through != last.Seq || done.Head != fmt.Sprintf("%d:%s", last.Seq, last.Hash) {
		t.Errorf("%d rows came, %+v, and the last is %d", len(all), done, last.Seq)
	}
	for i, row := range all {
		if row.Seq != int64(i)+1 {
			t.Fatalf("row %d is in place %d", row.Seq, i+1)
		}
	}
	if row := all[len(all)-1]; row.Action != "audit:export" || row.Actor != "admin:bootstrap" || row.Resource != "site" {
		t.Errorf("the export itself: %+v", row)
	}
	if more, again := exported(t, s, admin, fmt.Sprint("?after=", done.Through)); len(more) != 1 || more[0].Action != "audit:export" || again.Through != done.Through+1 {
		t.Errorf("what came since: %s, %+v", rowsText(more), again)
	}
	mine, _ := exported(t, s, eve, "?namespace=acme")
	acts := map[string]bool{}
	for _, row := range mine {
		acts[row.Action] = true
		if row.Resource != "namespace acme" && !strings.HasPrefix(row.Resource, "repository acme/") {
			t.Errorf("an owner is shown %+v", row)
		}
	}
	if !acts["plugin:publish"] || !acts["namespace:claim"] || !acts["members:manage"] || !acts["audit:export"] {
		t.Errorf("an owner is shown only %v", acts)
	}
	if found := ask[index.AuditPage](t, s, eve, "GET", "/api/v1/audit?namespace=acme&action=plugin:publish", nil, http.StatusOK).Items; len(found) != 1 {
		t.Errorf("an owner finds %s", rowsText(found))
	}
	if found := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?outcome=denied", nil, http.StatusOK).Items; len(found) != 0 {
		t.Errorf("denied before anything was: %s", rowsText(found))
	}
	l := auditedServer{t, s, admin, nil}
	for _, c := range []struct{ token, path, fix string }{
		{stranger, "/audit/export", "--namespace"}, {stranger, "/audit/export?namespace=acme", ""}, {eve, "/audit/export", "--namespace"},
		{eve, "/audit/export?namespace=globex", ""}, {eve, "/audit", "--namespace"},
	} {
		status, text, rows := l.wrote(c.token, auditedCall{method: "GET", path: c.path})
		if status != http.StatusForbidden || len(rows) != 1 || rows[0].Outcome != "denied" || rows[0].Action != "audit:read" || !strings.Contains(text, c.fix) {
			t.Errorf("%s: %d %s: %s", c.path, status, text, rowsText(rows))
		}
	}
	ask[index.Problem](t, s, "", "GET", "/api/v1/audit/export", nil, http.StatusUnauthorized)
	ask[index.Problem](t, s, admin, "GET", "/api/v1/audit/export?outcome=maybe", nil, http.StatusBadRequest)
}

// TestAnExportThatIsCutSaysSo_K1: in the log, with how far it came.
func TestAnExportThatIsCutSaysSo_K1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	gone := errors.New("the reader is gone")
	ctx := auth.With(context.Background(), auth.DevAdmin())
	reader := servedAccounts(s.accounts, s.engines).Reader
	reader.Acts.May = admitted
	n := 0
	done, err := reader.ExportAudit(ctx, index.AuditExportQuery{}, func(index.AuditRow) error {
		if n++; n == 2 {
			return gone
		}
		return nil
	})
	if !errors.Is(err, gone) || done.Rows != 1 || done.Through != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	rows := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?action=audit:export", nil, http.StatusOK).Items
	if len(rows) != 2 || rows[0].Outcome != "failed" || rows[0].Reason != gone.Error() || !strings.Contains(string(rows[0].After), `"through":1`) {
		t.Errorf("the log says %s", rowsText(rows))
	}
}
