package app

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/publog"
)

// Proves G6: who edits a row of the log under a running server is found out by the
// next who reads it, the damage is named, nothing is published and all else is
// served; and an admin has the registry bring back what was.
func TestAnEditedDatabaseIsNamedAndRecovered_G6(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ edit, says string }{
		"a row is changed":       {`UPDATE log_leaves SET event = CAST(event || x'20' AS BLOB) WHERE number = 2`, "leaf 2"},
		"a row is no event":      {`UPDATE log_leaves SET event = x'00ff' WHERE number = 2`, "leaf 2"},
		"a row is dropped":       {`DELETE FROM log_leaves WHERE number = 2`, "leaf 2"},
		"the last row is gone":   {`DELETE FROM log_leaves WHERE number = (SELECT max(number) FROM log_leaves)`, "leaf 3"},
		"two rows changed place": {`UPDATE log_leaves SET number = CASE number WHEN 2 THEN -4 ELSE -3 END WHERE number IN (2, 3); UPDATE log_leaves SET number = -1 - number WHERE number < 0`, "leaf 2"},
		"an entry is changed":    {`UPDATE log_leaves SET entry = key || key WHERE number = 2`, "leaf 2"},
		"a tile is changed":      {`UPDATE log_tiles SET data = substr(data, 33) || substr(data, 1, 32) WHERE level = 0`, "leaf 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var notice strings.Builder
			c := configured(t)
			c.Dev, c.Trust = false, everybodyListed(t)
			s, _ := startBy(t, c, options(&notice))
			admin := tokenText.FindString(notice.String())
			ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
			for _, v := range []string{"1.0.0", "1.1.0", "1.2.0"} {
				publish(t, s, admin, `{"id": "acme/hello", "version": "`+v+`", "engines": {"acme-editor": "*"}}`)
				if status, text := textOf(t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/"+v+"/proof"); status != 200 {
					t.Fatalf("%d %s", status, text)
				}
			}
			if err := s.engines.carrier.Carry(t.Context()); err != nil {
				t.Fatal(err)
			}
			seen := wholeLog(t, s, "")
			if seen.Checkpoint.N != 4 {
				t.Fatalf("%d leaves", seen.Checkpoint.N)
			}
			edit(t, strings.TrimPrefix(c.DatabaseURL(), "sqlite://"), row.edit)

			by, err := publog.NewVerifier(seenKey(t, s))
			if err != nil {
				t.Fatal(err)
			}
			var refused string
			_, err = publog.Verify(t.Context(), func(_ context.Context, path string) ([]byte, error) {
				status, body := textOf(t, s, "", "GET", "/log/"+path)
				if status != 200 {
					refused = body
					return nil, context.Canceled
				}
				return []byte(body), nil
			}, by, seen.Signed)
			if err == nil || !strings.Contains(refused, row.says) || !strings.Contains(refused, index.CodeLogBehind) {
				t.Errorf("who reads the log: %v; %s", err, refused)
			}
			if l := ask[index.Log](t, s, "", "GET", "/api/v1/log", nil, 200); !strings.Contains(l.Problem, row.says) {
				t.Errorf("the log says %q", l.Problem)
			}
			if status, text := textOf(t, s, admin, "GET", "/api/v1/log/leaves"); status != 200 && !strings.Contains(text, index.CodeLogBehind) {
				t.Errorf("the rows: %d %s", status, text)
			}
			if status, text := pushed(t, s, admin, "acme/hello", "2.0.0"); status != 403 || !strings.Contains(text, index.CodeLogBehind) {
				t.Errorf("a push: %d %s", status, text)
			}
			ask[index.VersionDetail](t, s, "", "GET", "/api/v1/plugins/acme/hello/versions/1.1.0", nil, 200)
			if status, text := textOf(t, s, "", "GET", "/v2/acme/hello/manifests/1.1.0"); status != 200 {
				t.Errorf("a pull: %d %s", status, text)
			}

			if done := ask[index.LogRecovered](t, s, admin, "POST", "/api/v1/log/recover", index.LogRecovery{}, 200); done.Size != 4 {
				t.Errorf("recovered: %+v", done)
			}
			if after := wholeLog(t, s, seen.Signed); after.Checkpoint.Hash != seen.Checkpoint.Hash {
				t.Errorf("after it the log is %+v, before %+v", after.Checkpoint, seen.Checkpoint)
			}
			if status, text := pushed(t, s, admin, "acme/hello", "2.0.0"); status != 201 {
				t.Errorf("a push after it: %d %s", status, text)
			}
		})
	}
}

func seenKey(t *testing.T, s *Server) string {
	t.Helper()
	return ask[index.Log](t, s, "", "GET", "/api/v1/log", nil, 200).Key
}

// edit changes the database of a server that runs.
func edit(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}
