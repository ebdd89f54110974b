package arrows_test

import (
	"go/ast"
	"go/types"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// rowsBeside are the files that write rows of the audit log beside audit.Log, how many
// calls there are in each, and why.
var rowsBeside = map[string]struct {
	calls int
	why   string
}{
	"index/audit/audit.go":                {3, "it is audit.Log"},
	"index/auth/record.go":                {3, "it is the rows: those of changes of SQL alone are in the transaction that makes them"},
	"index/auth/refusals.go":              {1, "what was refused, counted where it is a flood"},
	"index/auth/founding.go":              {1, "a site is founded before anybody has rights at it"},
	"index/notify/mailboxes.go":           {1, "a link of a letter is what lets it: no right is asked for"},
	"index/notify/service.go":             {1, "a change of SQL alone, in its transaction"},
	"index/emergency/carry.go":            {1, "a proposal lapses by itself: no right is asked for"},
	"index/emergency/speak.go":            {1, "a word that did not count"},
	"index/publisher/reconcile.go":        {2, "the server makes accounts and ledger agree: no right is asked for"},
	"index/publisher/statements.go":       {1, "the ledger refused what the accounts said: no right is asked for"},
	"index/store/prune.go":                {1, "in the transaction that removes rows after their time"},
	"cmd/internal/upkeep/ends.go":         {1, "a block ends by itself: no right is asked for"},
	"cmd/internal/sitebackup/restored.go": {1, "a site is restored while no server runs"},
}

// logsMade are the files that make an audit.Log, which says who may.
var logsMade = map[string]int{
	"cmd/internal/app/authorize.go": 1, // for who has the right
	"cmd/internal/app/gate.go":      2, // for what the registry's guards admitted before
}

// TestActsAreDoneThroughTheLog_K1: nothing writes rows of the audit log itself but what is
// named here with its reason, so that an act is in the log because audit.Log did it. An
// audit.Log is a value that is made where its rights are known, and never something
// that is looked for behind an interface and left out where it is not found.
func TestActsAreDoneThroughTheLog_K1(t *testing.T) {
	t.Parallel()
	rows, logs := map[string]int{}, map[string]int{}
	eachSource(t, func(path string, f *ast.File) {
		n, made, asserted := auditedIn(f)
		rows[path], logs[path] = rows[path]+n, logs[path]+made
		for _, what := range asserted {
			t.Errorf("%s: the assertion %s finds the audit log where it happens to be, and nothing where it is not: give it as a field", path, what)
		}
	})
	for path, n := range rows {
		if n != rowsBeside[path].calls {
			t.Errorf("%s writes %d rows of the audit log itself, expected %d: use audit.Log, or name it in rowsBeside with a reason", path, n, rowsBeside[path].calls)
		}
	}
	for path, n := range logs {
		if n != logsMade[path] {
			t.Errorf("%s makes %d audit.Log, expected %d: who is given one does not say himself who may", path, n, logsMade[path])
		}
	}
	for path := range rowsBeside {
		if _, ok := rows[path]; !ok {
			t.Errorf("%s is no file any more", path)
		}
	}
}

// TestARowBesideTheLogIsSeen: the test above sees what it is for.
func TestARowBesideTheLogIsSeen(t *testing.T) {
	t.Parallel()
	n, made, asserted := auditedIn(parsed(t, `
		s.trail.Note(ctx, by, action, on, nil, after)
		s.trail.NoteFailure(ctx, by, action, on, nil, cause)
		s.trail.Record(ctx, by, action, on, d)
		s.store.AppendAudit(ctx, row)
		outbox.Note(ctx, changes)
		if a, ok := x.(audit.Rows); ok { _ = a }
		switch x.(type) { case *auth.AuditLog: }
		_ = audit.Log{May: all}`))
	if n != 4 || made != 1 || len(asserted) != 2 {
		t.Errorf("saw %d rows, %d logs and the assertions %q", n, made, asserted)
	}
}

// auditedIn are the calls in f that write a row of the audit log, by their names and how
// many arguments they have; the audit.Log that are made; and the type assertions that
// find one.
func auditedIn(f *ast.File) (rows, made int, asserted []string) {
	arguments := map[string]int{"Note": 6, "NoteFailure": 6, "Record": 5, "AppendAudit": 2}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && arguments[s.Sel.Name] == len(n.Args) && len(n.Args) > 0 {
				rows++
			}
		case *ast.CompositeLit:
			if n.Type != nil && types.ExprString(n.Type) == "audit.Log" {
				made++
			}
		case *ast.TypeAssertExpr:
			if n.Type != nil && ofAudit(n.Type) {
				asserted = append(asserted, types.ExprString(n.Type))
			}
		case *ast.CaseClause:
			for _, e := range n.List {
				if ofAudit(e) {
					asserted = append(asserted, types.ExprString(e))
				}
			}
		}
		return true
	})
	return rows, made, asserted
}

// ofAudit reports whether an expression is a type by which acts are written down.
func ofAudit(e ast.Expr) bool {
	switch strings.TrimPrefix(types.ExprString(e), "*") {
	case "audit.Log", "audit.Rows", "audit.Begun", "auth.AuditLog", "auth.AuditStore", "notify.AuditLog", "publisher.Acts":
		return true
	}
	return false
}

// eachSource calls fn for every file of the server's rooms that is no test.
func eachSource(t *testing.T, fn func(path string, f *ast.File)) {
	t.Helper()
	files := 0
	for _, room := range []string{"artifact", "registry", "policy", "index", "cmd"} {
		err := filepath.WalkDir("../../"+room, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() != "testdata" {
				inside, e := filepath.Rel("../..", path)
				if e != nil {
					return e
				}
				parse(t, inside, func(path string, f *ast.File) {
					files++
					fn(strings.TrimPrefix(path, "../../"), f)
				})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 300 {
		t.Errorf("only %d files were read: does the test still see them?", files)
	}
}
