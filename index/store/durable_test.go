package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/index/auth"
)

// schemaOf is the text of the schema, to compare two.
func schemaOf(t *testing.T, s *Store) []string {
	t.Helper()
	query := "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1"
	if s.postgres() {
		query = "SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1"
	}
	var lines []string
	if err := s.read.NewRaw(query).Scan(t.Context(), &lines); err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestMigration_K6: a database of every earlier version opens, keeps its rows,
// and ends with the schema of a new one.
func TestMigration_K6(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		want := schemaOf(t, open(t, fresh(t)))
		steps, err := fs.ReadDir(migrations, "migrations/"+database)
		if err != nil || len(steps) < 3 {
			t.Fatal(len(steps), err)
		}
		for version := 1; version < len(steps); version++ {
			t.Run(fmt.Sprintf("%s from version %d", database, version), func(t *testing.T) {
				t.Parallel()
				url := fresh(t)
				old, err := connect(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				err = errors.Join(old.migrate(t.Context(), int64(version)), old.AddToken(t.Context(), auth.TokenRecord{ID: "a", CreatedAt: noon, Hash: []byte{1}}), old.Close())
				if err != nil {
					t.Fatal(err)
				}
				s := open(t, url)
				if got, err := s.Token(t.Context(), "a"); err != nil || !got.CreatedAt.Equal(noon) {
					t.Errorf("the row is %+v, %v", got, err)
				}
				if diff := cmp.Diff(want, schemaOf(t, s)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestDatabaseOfANewerRelease(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := fresh(t)
			s := open(t, url)
			if _, err := s.write.ExecContext(t.Context(), "INSERT INTO schema_version (version_id, is_applied) VALUES (9999, ?)", s.flag(true)); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), url); !errors.Is(err, ErrNewer) {
				t.Errorf("got %v, want ErrNewer", err)
			}
		})
	}
}

// flag is a truth in the words of the migration tool's table.
func (s *Store) flag(b bool) any {
	if s.postgres() {
		return b
	}
	return map[bool]int{true: 1, false: 0}[b]
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	fill := func(t *testing.T) string {
		path := filepath.Join(t.TempDir(), "x.db")
		s, err := Open(t.Context(), "sqlite://"+path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			if err := s.AddToken(t.Context(), auth.TokenRecord{ID: fmt.Sprint(i), Hash: make([]byte, 500)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, damage := range map[string]func(f *os.File, size int64) error{
		"something else": func(f *os.File, _ int64) error {
			return errors.Join(f.Truncate(0), second(f.WriteAt([]byte("hello, I am a text and no database at all"), 0)))
		},
		"zeros in the middle": func(f *os.File, size int64) error { return second(f.WriteAt(make([]byte, 8192), size/2&^4095)) },
		"cut off":             func(f *os.File, size int64) error { return f.Truncate(size / 3) },
		"a broken head":       func(f *os.File, _ int64) error { return second(f.WriteAt([]byte("XXXX"), 3)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := fill(t)
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(damage(f, info.Size()), f.Close()); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), "sqlite://"+path)
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("got %v, want ErrDamaged", err)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }
