package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// dumped is a dump in memory.
type dumped struct {
	Schema int64
	Tables []DumpTable
	Parts  map[string][]string
	Rows   map[string]int64
}

func dump(t *testing.T, s *Store) dumped {
	t.Helper()
	d := dumped{Parts: map[string][]string{}, Rows: map[string]int64{}}
	var err error
	d.Schema, d.Tables, err = s.Dump(t.Context(), func(table string, rows int64, lines []byte) error {
		d.Parts[table] = append(d.Parts[table], string(lines))
		d.Rows[table] += rows
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d dumped) load(ctx context.Context, s *Store) error {
	return s.Load(ctx, d.Schema, d.Tables, func(table string, add func([]byte) error) error {
		for _, part := range d.Parts[table] {
			if err := add([]byte(part)); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill gives every table rows, some of which are hard to write down.
func fill(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	strange := "a\"b\\c\nü 🦀 <&>  "
	token := auth.TokenRecord{ID: "t1", Kind: "robot", Name: strange, Principal: "robot:ci", Namespace: "acme", Scopes: []string{"pull"}, Hash: []byte{0, 255, 10}, CreatedBy: "admin", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	for _, err := range []error{
		s.AddNamespace(ctx, auth.NamespaceRecord{Name: "zeta", CreatedBy: "ann", CreatedAt: noon}, "ann", []string{"zeta", "zéta"}),
		s.AddNamespace(ctx, auth.NamespaceRecord{Name: "acme", Public: true, CreatedBy: "ann", CreatedAt: noon}, "ann", []string{"acme"}),
		s.PutMember(ctx, auth.MemberRecord{Namespace: "acme", Principal: "bob", Role: "publisher", AddedBy: "ann", AddedAt: noon}),
		s.AddToken(ctx, token),
		s.AddPerson(ctx, auth.PersonRecord{Name: "ann", Issuer: "https://id.example.org", Subject: "1", Email: "ann@example.org", Grants: []string{"admin"}, CreatedAt: noon}),
		s.SaveKey(ctx, "k1", []byte("private")),
		s.Jobs().Enqueue(ctx, job("mail", strange, []byte(strange))),
		s.Jobs().Enqueue(ctx, job("mail", "b", nil)),
		s.AddEmergency(ctx, someEmergency("e1", "acme/hello", index.EmergencyProposed, 0)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2*partRows + 3 {
		if err := s.AppendAudit(ctx, auth.AuditRecord{At: noon, Actor: fmt.Sprint(i), Action: "a", Reason: strange}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDumpMovesASite_K6: what is dumped from either database loads into either,
// row by row and bit by bit, and goes on there.
func TestDumpMovesASite_K6(t *testing.T) {
	t.Parallel()
	for fromName, from := range databases(t) {
		for toName, to := range databases(t) {
			t.Run(fromName+" to "+toName, func(t *testing.T) {
				t.Parallel()
				was := open(t, from(t))
				fill(t, was)
				before := dump(t, was)
				for name, rows := range map[string]int64{"tokens": 1, "people": 1, "namespaces": 2, "namespace_keys": 3, "audit": 2*partRows + 3, "jobs": 2, "signing_keys": 1, "emergencies": 1} {
					if before.Rows[name] != rows {
						t.Errorf("%d rows of %s, expected %d", before.Rows[name], name, rows)
					}
				}
				is, err := OpenEmpty(t.Context(), to(t))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = is.Close() }()
				if err := before.load(t.Context(), is); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(before, dump(t, is)); d != "" {
					t.Errorf("the copy differs (-was +is): %s", d)
				}
				if _, err := is.VerifyAudit(t.Context()); err != nil {
					t.Error(err)
				}
				got, err := is.Token(t.Context(), "t1")
				if err != nil || cmp.Diff(must(was.Token(t.Context(), "t1")), got) != "" {
					t.Errorf("the token is %+v, %v", got, err)
				}
				stopped, err := is.Emergency(t.Context(), "e1")
				same(t, "the emergency", stopped, someEmergency("e1", "acme/hello", index.EmergencyProposed, 0), err)
				if err := is.Jobs().Enqueue(t.Context(), job("mail", "c", []byte("next"))); err != nil {
					t.Errorf("a row after those that were loaded: %v", err)
				}
				if err := is.AppendAudit(t.Context(), auth.AuditRecord{At: noon}); err != nil {
					t.Error(err)
				}
				want(t, "a load over rows", before.load(t.Context(), is), artifact.ErrConflict)
			})
		}
	}
}

// TestDumpOfABusyDatabaseIsOneMoment_K6 reads it while somebody writes.
func TestDumpOfABusyDatabaseIsOneMoment_K6(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := fresh(t)
			s := open(t, url)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var acknowledged atomic.Int64
			first, done := make(chan struct{}), make(chan error, 1)
			go func() {
				for i := int64(1); ctx.Err() == nil; i++ {
					// Both rows or none: a dump that sees one of them saw no single moment.
					err := s.InTx(t.Context(), func(ctx context.Context) error {
						return errors.Join(s.AppendAudit(ctx, auth.AuditRecord{At: noon, Actor: fmt.Sprint(i)}), s.Jobs().Enqueue(ctx, job("n", "a", nil)))
					})
					if err != nil {
						done <- err
						return
					}
					if acknowledged.Store(i); i == 1 {
						close(first)
					}
				}
				done <- nil
			}()
			<-first
			beside, err := OpenBeside(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = beside.Close() }()
			for i := range 3 {
				before := acknowledged.Load()
				d := dump(t, beside)
				if d.Rows["audit"] < before || d.Rows["audit"] != d.Rows["jobs"] {
					t.Errorf("dump %d: %d audit rows and %d jobs, %d were acknowledged before", i, d.Rows["audit"], d.Rows["jobs"], before)
				}
			}
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := beside.AppendAudit(t.Context(), auth.AuditRecord{At: noon}); err == nil && !s.postgres() {
				t.Error("written through a store that was opened beside")
			}
		})
	}
}

func TestTextThatIsNoUTF8SurvivesADump_K6(t *testing.T) {
	t.Parallel()
	s := open(t, "sqlite://"+filepath.Join(t.TempDir(), "a.db"))
	if _, err := s.write.DB.ExecContext(t.Context(), "INSERT INTO usage (namespace, bytes, versions) VALUES (CAST(X'61FF00FE' AS TEXT), 1, 1)"); err != nil {
		t.Fatal(err)
	}
	to := open(t, "sqlite://"+filepath.Join(t.TempDir(), "b.db"))
	if err := dump(t, s).load(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := to.read.QueryRowContext(t.Context(), "SELECT hex(namespace) FROM usage").Scan(&got); err != nil || got != "61FF00FE" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestLoadNamesWhatIsWrong_K6(t *testing.T) {
	t.Parallel()
	s := open(t, "sqlite://"+filepath.Join(t.TempDir(), "a.db"))
	fill(t, s)
	good := dump(t, s)
	for name, row := range map[string]struct {
		change func(*dumped)
		kind   error
		says   string
	}{
		"a dump of a newer release": {func(d *dumped) { d.Schema = 9999 }, ErrNewer, "9999"},
		"a line that is no row":     {func(d *dumped) { d.Parts["tokens"] = []string{"{}\n"} }, artifact.ErrInvalid, "tokens"},
		"a row with too few values": {func(d *dumped) { d.Parts["people"] = []string{"[1]\n"} }, artifact.ErrInvalid, "people"},
		"a table that nobody knows": {func(d *dumped) { d.Tables = append(d.Tables, DumpTable{Name: "plans"}) }, artifact.ErrConflict, "plans"},
		"the same row a second time": {func(d *dumped) {
			d.Parts["usage"] = nil
			d.Parts["jobs"] = append(d.Parts["jobs"], d.Parts["jobs"]...)
		}, artifact.ErrConflict, "jobs"},
		"a member of no namespace":   {func(d *dumped) { d.Parts["namespaces"], d.Parts["namespace_keys"] = nil, nil }, artifact.ErrNotFound, "members"},
		"a value of another kind":    {func(d *dumped) { d.Parts["signing_keys"] = []string{"[\"k\",7]\n"} }, artifact.ErrInvalid, `column "key"`},
		"a version before the first": {func(d *dumped) { d.Schema = 0 }, artifact.ErrInvalid, "version 0"},
		"a column that is not there": {func(d *dumped) {
			d.Tables = []DumpTable{{Name: "usage", Columns: append(d.Tables[0].Columns[:1:1], d.Tables[0].Columns...)}}
		}, artifact.ErrConflict, "column"},
		"an integer with half a number": {func(d *dumped) { d.Parts["jobs"] = []string{`[1.5,"t","k","",0,0,0,0,""]` + "\n"} }, artifact.ErrInvalid, `column "id"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := good
			bad.Parts = map[string][]string{}
			for k, v := range good.Parts {
				bad.Parts[k] = v
			}
			bad.Tables = append([]DumpTable(nil), good.Tables...)
			row.change(&bad)
			url := "sqlite://" + filepath.Join(t.TempDir(), "b.db")
			to, err := OpenEmpty(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = to.Close() }()
			if err := bad.load(t.Context(), to); !errors.Is(err, row.kind) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("%v, expected %v with %q", err, row.kind, row.says)
			}
			// Nothing stays of a load that failed.
			if again, err := OpenEmpty(t.Context(), url); err != nil {
				t.Error(err)
			} else if err := errors.Join(good.load(t.Context(), again), again.Close()); err != nil {
				t.Errorf("the good dump after the bad one: %v", err)
			}
		})
	}
}

func TestOpenBesideMakesNothing_K6(t *testing.T) {
	t.Parallel()
	_, err := OpenBeside(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "none.db"))
	want(t, "a file that is not there", err, artifact.ErrNotFound)
}
