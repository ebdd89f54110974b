package app

import (
	"database/sql"
	"testing"
)

// editDatabase changes rows of a SQLite database behind the back of the server that
// has it, as damage or somebody with the file would.
func editDatabase(t *testing.T, path, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), statement, args...)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}
