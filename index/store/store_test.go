package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/quota"
)

var noon = time.Date(2030, 5, 1, 12, 0, 0, 123456000, time.UTC)

// databases are the ones that the contract is held against: SQLite always,
// PostgreSQL when OARLOCK_TEST_POSTGRES holds the url of a server on which
// databases can be made.
func databases(t *testing.T) map[string]func(t *testing.T) string {
	t.Helper()
	found := map[string]func(*testing.T) string{
		"sqlite": func(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "oarlock.db") },
	}
	if server := os.Getenv("OARLOCK_TEST_POSTGRES"); server != "" {
		found["postgres"] = func(t *testing.T) string { return newPostgres(t, server) }
	}
	return found
}

var databaseCount atomic.Int64

// newPostgres makes a database of its own for one test.
func newPostgres(t *testing.T, server string) string {
	t.Helper()
	admin, err := openPostgres(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("oarlock_test_%d_%d", os.Getpid(), databaseCount.Add(1))
	if _, err := admin.write.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := admin.write.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
		if err := errors.Join(err, admin.Close()); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func open(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestContract holds every database to the same promises.
func TestContract(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		for name, test := range map[string]func(*testing.T, *Store){
			"tokens": contractTokens, "bounds of tokens": contractTokenBounds, "people": contractPeople, "namespaces": contractNamespaces, "members": contractMembers,
			"audit": contractAudit, "pruning the audit": contractPrune, "usage": contractUsage, "backlog of jobs": contractBacklog, "publication log": contractLog, "cosigned checkpoint": contractCosigned, "transactions": contractTx, "keys": contractKeys, "site": contractSite, "publications": contractPublications,
			"proved times":         contractProved,
			"credentials of hosts": contractHostCredentials, "states of hosts": contractHostStates, "reports of hosts": contractHostReports,
			"changes of tenants":      contractTenantsChanged,
			"damaged rows of tenants": contractTenantsDamaged,
			"tenants":                 contractTenants, "hosts": contractHosts, "installs": contractInstalls, "configurations": contractConfigs, "holders": contractHolders, "deletions": contractDeletions, "members of tenants": contractTenantMembers, "emergencies": contractEmergencies,
		} {
			t.Run(database+"/"+name, func(t *testing.T) {
				t.Parallel()
				test(t, open(t, fresh(t)))
			})
		}
	}
}

func want(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: got %v, want %v", what, err, kind)
	}
}

func same(t *testing.T, what string, got, want any, err error) {
	t.Helper()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%s: %v (-want +got)\n%s", what, err, diff)
	}
}

func contractTokens(t *testing.T, s *Store) {
	ctx := t.Context()
	robot := auth.TokenRecord{
		ID: "a", Kind: "robot", Name: "ci", Principal: "robot:acme/ci", Namespace: "acme", Parent: "p",
		Scopes: []string{"repository:acme/*:pull,push", `odd "one", ü`}, Hash: []byte{0, 1, 255}, CreatedBy: "person:ada",
		CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}
	admin := auth.TokenRecord{ID: "b", Kind: "admin", Principal: "admin:bootstrap", Hash: []byte{1}, CreatedAt: noon.Add(time.Second)}
	want(t, "add", errors.Join(s.AddToken(ctx, robot), s.AddToken(ctx, admin)), nil)
	want(t, "add the same", s.AddToken(ctx, robot), artifact.ErrConflict)
	got, err := s.Token(ctx, "a")
	same(t, "read", got, robot, err)
	_, err = s.Token(ctx, "A")
	want(t, "read one that is not there", err, artifact.ErrNotFound)
	list, err := s.ListTokens(ctx, "", "")
	same(t, "list, newest first", list, []auth.TokenRecord{admin, robot}, err)
	list, err = s.ListTokens(ctx, "acme", "robot:acme/ci")
	same(t, "list of a namespace and a principal", list, []auth.TokenRecord{robot}, err)
	list, err = s.ListTokens(ctx, "acme", "robot:acme/cd")
	same(t, "list of nobody", list, []auth.TokenRecord{}, err)
	want(t, "touch", errors.Join(s.TouchToken(ctx, "a", noon.Add(time.Minute)), s.TouchToken(ctx, "a", noon)), nil)
	robot.UsedAt, robot.RevokedAt = noon.Add(time.Minute), noon.Add(2*time.Minute)
	want(t, "revoke", s.RevokeToken(ctx, "a", robot.RevokedAt), nil)
	want(t, "revoke again", s.RevokeToken(ctx, "a", noon.Add(time.Hour)), artifact.ErrConflict)
	want(t, "revoke one that is not there", s.RevokeToken(ctx, "z", noon), artifact.ErrNotFound)
	got, err = s.Token(ctx, "a")
	same(t, "read after that", got, robot, err)
	var winners atomic.Int64
	each(8, func(int) {
		if s.RevokeToken(ctx, "b", noon) == nil {
			winners.Add(1)
		}
	})
	same(t, "revoked by eight at once, winners", winners.Load(), int64(1), nil)
	n, err := s.ForgetTokens(ctx, noon.Add(time.Minute))
	same(t, "forgotten before", n, int64(0), err)
	n, err = s.ForgetTokens(ctx, noon.Add(time.Hour))
	same(t, "forgotten", n, int64(1), err)
	_, err = s.Token(ctx, "b")
	want(t, "an admin token that ended stays", err, nil)
}

func each(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

func contractPeople(t *testing.T, s *Store) {
	ctx := t.Context()
	ada := auth.PersonRecord{Name: "person:ada", Issuer: "https://id", Subject: "1", Email: "ada@example.org", Grants: []string{"reviewer"}, CreatedAt: noon}
	want(t, "add", s.AddPerson(ctx, ada), nil)
	same2, other := ada, ada
	same2.Name, other.Subject = "person:eve", "2"
	want(t, "another name for the same subject", s.AddPerson(ctx, same2), artifact.ErrConflict)
	want(t, "another subject of the same name", s.AddPerson(ctx, other), artifact.ErrConflict)
	was := ada
	ada.Disabled, ada.Grants, ada.LoggedInAt = true, nil, noon.Add(time.Hour)
	changed := ada
	changed.Subject = "stolen"
	want(t, "update", s.UpdatePerson(ctx, was, changed), nil)
	back := was
	back.LoggedInAt = noon.Add(2 * time.Hour)
	want(t, "update of what was changed meanwhile", s.UpdatePerson(ctx, was, back), auth.ErrPersonChanged)
	got, err := s.Person(ctx, ada.Name)
	same(t, "read", got, ada, err)
	got, err = s.PersonOf(ctx, ada.Issuer, ada.Subject)
	same(t, "read by subject, which an update does not change", got, ada, err)
	all, err := s.People(ctx)
	same(t, "all", all, []auth.PersonRecord{ada}, err)
	_, err = s.PersonOf(ctx, ada.Issuer, "stolen")
	want(t, "read by another subject", err, artifact.ErrNotFound)
	want(t, "update nobody", s.UpdatePerson(ctx, auth.PersonRecord{Name: "person:x"}, auth.PersonRecord{Name: "person:x"}), artifact.ErrNotFound)
}

func contractNamespaces(t *testing.T, s *Store) {
	ctx := t.Context()
	acme := auth.NamespaceRecord{Name: "acme", CreatedBy: "person:ada", CreatedAt: noon, Revision: 1}
	want(t, "add", s.AddNamespace(ctx, acme, "person:ada", []string{"k1", "k2"}), nil)
	for what, err := range map[string]error{
		"the same name":      s.AddNamespace(ctx, acme, "person:eve", []string{"k3"}),
		"a key that is held": s.AddNamespace(ctx, auth.NamespaceRecord{Name: "acm3", CreatedAt: noon}, "person:eve", []string{"k4", "k2"}),
	} {
		want(t, "add "+what, err, artifact.ErrConflict)
	}
	_, err := s.Namespace(ctx, "acm3")
	want(t, "what was refused left nothing", err, artifact.ErrNotFound)
	want(t, "its other key is free", s.AddNamespace(ctx, auth.NamespaceRecord{Name: "acme-x"}, "person:eve", []string{"k4"}), nil)
	want(t, "a third", s.AddNamespace(ctx, auth.NamespaceRecord{Name: "acme1"}, "person:eve", nil), nil)
	names, err := s.NamespaceNames(ctx)
	same(t, "names in the order of bytes", names, []string{"acme", "acme-x", "acme1"}, err)
	members, err := s.Members(ctx, "acme")
	same(t, "the owner", members, []auth.MemberRecord{{Namespace: "acme", Principal: "person:ada", Role: "owner", AddedBy: "person:ada", AddedAt: noon}}, err)
	acme.Public, acme.ClosedAt, acme.CreatedBy = true, noon.Add(time.Hour), "somebody else"
	var winners atomic.Int64
	each(8, func(int) {
		err := s.UpdateNamespace(ctx, acme)
		if err == nil {
			winners.Add(1)
		} else {
			want(t, "update of a revision that passed", err, artifact.ErrConflict)
		}
	})
	same(t, "updated by eight at once, winners", winners.Load(), int64(1), nil)
	got, err := s.Namespace(ctx, "acme")
	acme.Revision, acme.CreatedBy = 2, "person:ada"
	same(t, "read", got, acme, err)
	want(t, "update one that is not there", s.UpdateNamespace(ctx, auth.NamespaceRecord{Name: "x"}), artifact.ErrNotFound)
}

// contractReplaced replaces the rows of acme as a whole, and puts them back.
func contractReplaced(t *testing.T, s *Store) {
	ctx := t.Context()
	n, err := s.Namespace(ctx, "acme")
	want(t, "read", err, nil)
	members, err := s.Members(ctx, "acme")
	want(t, "members", err, nil)
	was := auth.NamespaceRows{Namespace: n, Members: members}
	is := auth.NamespaceRows{Namespace: n, Members: []auth.MemberRecord{{Namespace: "acme", Principal: "person:eve", Role: "owner", AddedBy: "x", AddedAt: noon}}}
	is.Namespace.Public, is.Namespace.ClosedAt = true, noon
	want(t, "by nobody's", s.ReplaceNamespace(ctx, was, auth.NamespaceRows{Namespace: n}), artifact.ErrConflict)
	want(t, "with others than there are", s.ReplaceNamespace(ctx, is, was), artifact.ErrConflict)
	want(t, "as they were read", s.ReplaceNamespace(ctx, was, is), nil)
	want(t, "of a revision that passed", s.ReplaceNamespace(ctx, auth.NamespaceRows{Namespace: n, Members: is.Members}, is), artifact.ErrConflict)
	got, err := s.Members(ctx, "acme")
	same(t, "replaced members", got, is.Members, err)
	is.Namespace.Revision++
	now, err := s.Namespace(ctx, "acme")
	same(t, "replaced settings", now, is.Namespace, err)
	want(t, "back", s.ReplaceNamespace(ctx, is, was), nil)
}

func contractMembers(t *testing.T, s *Store) {
	ctx := t.Context()
	put := func(principal, role string) error {
		return s.PutMember(ctx, auth.MemberRecord{Namespace: "acme", Principal: principal, Role: role, AddedBy: "x", AddedAt: noon})
	}
	want(t, "into a namespace that is not there", put("person:ada", "owner"), artifact.ErrNotFound)
	want(t, "add", s.AddNamespace(ctx, auth.NamespaceRecord{Name: "acme", CreatedAt: noon}, "person:ada", nil), nil)
	want(t, "a reader", put("person:bob", "reader"), nil)
	want(t, "the last owner becomes reader", put("person:ada", "reader"), artifact.ErrConflict)
	want(t, "the last owner goes", s.RemoveMember(ctx, "acme", "person:ada"), artifact.ErrConflict)
	want(t, "somebody goes who is not there", s.RemoveMember(ctx, "acme", "person:eve"), artifact.ErrNotFound)
	want(t, "the reader becomes owner", put("person:bob", "owner"), nil)
	contractReplaced(t, s)
	var gone atomic.Int64
	each(2, func(i int) {
		if s.RemoveMember(ctx, "acme", []string{"person:ada", "person:bob"}[i]) == nil {
			gone.Add(1)
		}
	})
	same(t, "two owners leave at once, gone", gone.Load(), int64(1), nil)
	members, err := s.Members(ctx, "acme")
	if err != nil || len(members) != 1 || members[0].Role != "owner" {
		t.Errorf("left: %+v, %v", members, err)
	}
	of, err := s.MembershipsOf(ctx, members[0].Principal)
	same(t, "memberships", of, members, err)
}

func contractUsage(t *testing.T, s *Store) {
	ctx := t.Context()
	got, err := s.Usage(ctx, "acme")
	same(t, "of one that holds nothing", got, quota.Used{Namespace: "acme"}, err)
	var in atomic.Int64
	each(40, func(int) {
		if _, err := s.AddUsage(ctx, "acme", 10, 1, 100, 0); err == nil {
			in.Add(1)
		} else {
			want(t, "past the maximum", err, artifact.ErrConflict)
		}
	})
	got, err = s.Usage(ctx, "acme")
	same(t, "forty at once want ten each of a hundred", got, quota.Used{Namespace: "acme", Bytes: 100, Versions: 10}, err)
	same(t, "and got in", in.Load(), int64(10), nil)
	_, err = s.AddUsage(ctx, "acme", 0, 1, 0, 10)
	want(t, "past the maximum of versions", err, artifact.ErrConflict)
	got, err = s.AddUsage(ctx, "acme", -30, 0, 50, 0)
	same(t, "less, though above a maximum that was lowered", got, quota.Used{Namespace: "acme", Bytes: 70, Versions: 10}, err)
	got, err = s.AddUsage(ctx, "acme", -300, -300, 0, 0)
	same(t, "below zero", got, quota.Used{Namespace: "acme", Bytes: 0, Versions: 0}, err)
	before, err := s.BeginCount(ctx, "acme")
	same(t, "before a count", before.Used, quota.Used{Namespace: "acme"}, err)
	other, err := s.BeginCount(ctx, "acme")
	same(t, "before another count", other.Used, before.Used, err)
	_, err = s.AddUsage(ctx, "acme", 5, 1, 0, 0)
	want(t, "add while it is counted", err, nil)
	want(t, "correct", s.CorrectUsage(ctx, before, 7, 3), nil)
	want(t, "correct what another count corrected", s.CorrectUsage(ctx, other, 7, 3), artifact.ErrConflict)
	got, err = s.Usage(ctx, "acme")
	same(t, "after two counts at once", got, quota.Used{Namespace: "acme", Bytes: 12, Versions: 4}, err)
	before, err = s.BeginCount(ctx, "new")
	want(t, "before the first count of one that holds nothing", err, nil)
	want(t, "its first count", s.CorrectUsage(ctx, before, 9, 2), nil)
	got, err = s.Usage(ctx, "new")
	same(t, "after its first count", got, quota.Used{Namespace: "new", Bytes: 9, Versions: 2}, err)
}

// job is one to put into the queue.
func job(kind, key string, payload []byte) jobs.Job {
	return jobs.Job{Kind: kind, Key: key, Payload: payload, AskedAt: noon}
}

func contractBacklog(t *testing.T, s *Store) {
	ctx := t.Context()
	b, err := s.Backlog(ctx, "ledger", "")
	same(t, "of nothing", b, jobs.Backlog{}, err)
	later := job("ledger", "b", nil)
	later.AskedAt = noon.Add(time.Hour)
	want(t, "enqueue", s.Jobs().Enqueue(ctx, job("ledger", "a", nil), later, job("ledger", "a", nil), job("mail", "a", nil)), nil)
	got, err := s.Jobs().Lease(ctx, jobs.Ask{Kind: "ledger", InOrder: true, Limit: 1, Now: noon, Until: noon.Add(time.Minute)})
	if err != nil || len(got) != 1 {
		t.Fatalf("leased %+v, %v", got, err)
	}
	want(t, "retry", s.Jobs().Retry(ctx, got[0], noon.Add(time.Hour), "no answer"), nil)
	for key, row := range map[string]jobs.Backlog{
		"":  {Jobs: 3, Oldest: noon, LastError: "no answer"},
		"a": {Jobs: 2, Oldest: noon, LastError: "no answer"},
		"b": {Jobs: 1, Oldest: noon.Add(time.Hour)},
		"c": {},
	} {
		b, err := s.Backlog(ctx, "ledger", key)
		same(t, "of key "+key, b, row, err)
	}
}

func contractTx(t *testing.T, s *Store) {
	ctx := t.Context()
	stop := errors.New("stop")
	want(t, "undone", s.InTx(ctx, func(ctx context.Context) error {
		err := errors.Join(
			s.AddNamespace(ctx, auth.NamespaceRecord{Name: "acme"}, "person:ada", []string{"k"}),
			s.AppendAudit(ctx, auth.AuditRecord{At: noon, Action: "x"}),
			s.Jobs().Enqueue(ctx, job("notice", "a", nil)))
		_, inside := s.Namespace(ctx, "acme")
		return errors.Join(err, inside, s.InTx(ctx, func(context.Context) error { return stop }))
	}), stop)
	_, err := s.Namespace(ctx, "acme")
	want(t, "the namespace", err, artifact.ErrNotFound)
	head, err := s.AuditHead(ctx)
	same(t, "the audit row", head, audit.Head{}, err)
	b, err := s.Backlog(ctx, "notice", "")
	same(t, "the job", b, jobs.Backlog{}, err)
	func() {
		defer func() { _ = recover() }()
		_ = s.InTx(ctx, func(ctx context.Context) error {
			_ = s.AddNamespace(ctx, auth.NamespaceRecord{Name: "panic"}, "x", nil)
			panic("half way")
		})
	}()
	_, err = s.Namespace(ctx, "panic")
	want(t, "after a panic", err, artifact.ErrNotFound)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.AddNamespace(ended, auth.NamespaceRecord{Name: "late"}, "x", nil); err == nil || errors.Is(err, artifact.ErrConflict) {
		t.Errorf("with a context that ended: %v", err)
	}
}

func contractKeys(t *testing.T, s *Store) {
	ctx := t.Context()
	want(t, "save", s.SaveKey(ctx, "a", []byte("private")), nil)
	want(t, "save again", s.SaveKey(ctx, "a", []byte("other")), artifact.ErrConflict)
	keys, err := s.LoadKeys(ctx)
	same(t, "load", keys, map[string][]byte{"a": []byte("private")}, err)
	want(t, "remove, twice", errors.Join(s.RemoveKey(ctx, "a"), s.RemoveKey(ctx, "a")), nil)
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for url, kind := range map[string]error{
		"": artifact.ErrInvalid, "mysql://x": artifact.ErrInvalid, "sqlite://": artifact.ErrInvalid,
		"sqlite:///nowhere/at/all/x.db": os.ErrNotExist,
	} {
		if _, err := Open(t.Context(), url); !errors.Is(err, kind) {
			t.Errorf("%q: %v, want %v", url, err, kind)
		}
	}
	_, err := Open(t.Context(), "postgres://user:hunter2@127.0.0.1:1/x?connect_timeout=2")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a server that is not there: %v", err)
	}
}
