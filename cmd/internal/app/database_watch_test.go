package app

import (
	"context"
	"database/sql" //nolint:depguard // a newer release that migrates the database
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/store"
)

// textOf is the answer to one request, without a login where token is "".
func textOf(t *testing.T, s *Server, token, method, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, text := answerTo(t, r)
	return resp.StatusCode, text
}

// TestANewerDatabaseIsReadAndNotWritten_K7: a newer release brings the schema up
// under a server that runs.
func TestANewerDatabaseIsReadAndNotWritten_K7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	if status, text := upload(t, s, admin, "acme/hello", []byte("hello"), false); status != 201 {
		t.Fatal(status, text)
	}
	db, err := sql.Open("sqlite", "file:"+s.cfg.Data+"/oarlock.db?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "INSERT INTO schema_version (version_id, is_applied) VALUES (99999, true)"); err != nil {
		t.Fatal(err)
	}
	if err := s.watch.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, token := range map[string]string{
		"/v2/acme/hello/blobs/sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824": "",
		"/api/v1/plugins": "", "/api/v1/namespaces/acme": admin,
	} {
		if status, text := textOf(t, s, token, "GET", path); status != 200 {
			t.Errorf("GET %s: %d %s", path, status, text)
		}
	}
	for path, method := range map[string]string{
		"/v2/acme/hello/blobs/uploads/": "POST", "/v2/acme/hello/manifests/1.0.0": "DELETE", "/api/v1/namespaces/acme/close": "POST", "/api/v1/namespaces": "POST",
	} {
		if status, text := textOf(t, s, admin, method, path); status != 503 || !strings.Contains(text, "newer release") {
			t.Errorf("%s %s: %d %s", method, path, status, text)
		}
	}
	if status, text := textOf(t, s, "", "GET", "/auth/login"); status != 503 || !strings.Contains(text, "newer release") {
		t.Errorf("a login through a provider: %d %s", status, text)
	}
	nothingIsWritten(t, s, admin)
	if status, text := textOf(t, s, "", "GET", "/readyz"); status != 200 || !strings.Contains(text, "degraded") || !strings.Contains(text, "newer release") {
		t.Errorf("/readyz: %d %s", status, text)
	}
	if _, text := textOf(t, s, "", "GET", "/metrics"); !strings.Contains(text, "\noarlock_database_newer 1\n") {
		t.Error("/metrics does not say it")
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM schema_version WHERE version_id = 99999"); err != nil {
		t.Fatal(err)
	}
	if err := s.watch.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "globex"}, 201)
}

// nothingIsWritten while the database is a newer release's: by no route, no task
// and no part of the server, into neither the database nor the registry.
func nothingIsWritten(t *testing.T, s *Server, admin string) {
	t.Helper()
	if status, text := textOf(t, s, "", "GET", "/auth/token?service=x&scope=repository:acme/hello:pull"); status != 200 && status != 400 {
		t.Errorf("a token for reading: %d %s", status, text)
	}
	for _, refresh := range []bool{false, true} {
		r := must(http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/auth/token?service="+hostOf(s.URL())+"&offline_token="+map[bool]string{false: "false", true: "true"}[refresh], nil))
		r.SetBasicAuth("admin", admin)
		resp, err := visitor.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if want := map[bool]int{false: 200, true: 503}[refresh]; resp.StatusCode != want {
			t.Errorf("a login, to be kept: %t: %d, want %d", refresh, resp.StatusCode, want)
		}
	}
	db := s.accounts.store
	for says, err := range map[string]error{
		"a row":         db.AppendAudit(t.Context(), auth.AuditRecord{Action: "x", At: time.Now()}),
		"a transaction": db.InTx(t.Context(), func(context.Context) error { return nil }),
		"a key":         db.SaveKey(t.Context(), "k", []byte("k")),
		"a job":         db.Jobs().Enqueue(t.Context(), jobs.Job{Kind: "x", Key: "x", AskedAt: time.Now()}),
		"a ledger":      ledgerStore{registry: s.registry, writable: db.Writable}.PushManifest(t.Context(), "acme/hello", "latest", "", nil),
		"a catalog":     catalogTarget{registry: s.registry, writable: db.Writable}.Push(t.Context(), ocispec.Descriptor{}, nil),
	} {
		if !errors.Is(err, store.ErrNewer) {
			t.Errorf("%s is written: %v", says, err)
		}
	}
	ran := false
	for _, task := range (newerGuard{s.watch}).heed([]periodic.Task{{Run: func(context.Context) error { ran = true; return nil }}}) {
		if err := task.Run(t.Context()); err != nil || ran {
			t.Errorf("a task ran: %t, %v", ran, err)
		}
	}
}

// clocks is a database whose clock is right, beside a machine whose clock is not.
type clocks struct{ looked }

func (c clocks) ClockOffset(_ context.Context, now func() time.Time) (time.Duration, error) {
	return time.Until(now()), nil
}

// TestClocksThatAreApartAreTold_K7: /readyz and /metrics say by how much.
func TestClocksThatAreApartAreTold_K7(t *testing.T) {
	t.Parallel()
	s, _ := startGuarded(t, nil)
	for shift, want := range map[time.Duration]string{
		40 * time.Second: "40s ahead of", -40 * time.Second: "40s behind", 5 * time.Second: "", 0: "",
	} {
		w := &databaseWatch{store: clocks{s.accounts.store}, clock: clock.Offset(shift), log: quiet}
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.degraded(); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("shifted by %s: %q", shift, got)
		}
		if offset, _ := w.found(); (offset - shift).Abs() > 2*time.Second {
			t.Errorf("shifted by %s: found %s", shift, offset)
		}
	}
	told := func() bool {
		s.watch.mu.Lock()
		s.watch.offset = time.Minute // as found
		s.watch.mu.Unlock()
		status, ready := textOf(t, s, "", "GET", "/readyz")
		_, metrics := textOf(t, s, "", "GET", "/metrics")
		return status == 200 && strings.Contains(ready, "degraded: this machine's clock is 1m0s ahead of") && strings.Contains(metrics, "\noarlock_clock_offset_seconds 60\n")
	}
	if again := told(); !again && !told() { // the server itself may have looked between
		t.Error("/readyz and /metrics do not say it")
	}
}
