package app

import (
	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/cmd/internal/upkeep"
	"github.com/oarlock/oarlock/registry"

	"context"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/store"
)

// TestWhatCannotBeWrittenDownIsNotDone_B7: a statement in a ledger and a root
// of the catalog stay for ever, so the row of the audit log comes first.
func TestWhatCannotBeWrittenDownIsNotDone_B7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	key := ask[index.Publisher](t, s, admin, "POST", "/api/v1/publishers/acme/keys", index.NewPublisherKey{Name: "release", PEM: publicPEM(t)}, http.StatusOK).Keys[0]
	rows := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?action=keys:manage", nil, http.StatusOK).Items
	if len(rows) != 2 || string(rows[1].After[:13]) != `{"begun":true` {
		t.Errorf("rows of a key: %+v", rows)
	}
	before, root := history(t, s, ""), s.signing.keys.Root()
	db, err := sql.Open("sqlite", "file:"+s.cfg.Data+"/oarlock.db?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END"); err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]any{
		"/publishers/acme/keys":                       index.NewPublisherKey{Name: "next", PEM: publicPEM(t)},
		"/publishers/acme/keys/" + key.ID + "/revoke": index.KeyRevocation{Reason: "lost"},
		"/publishers/acme/verification":               index.VerifyRequest{Evidence: "administrator", Note: "known"},
		"/admin/catalog/root":                         index.RootRotation{KeepRootKey: true},
	} {
		ask[index.Problem](t, s, admin, "POST", "/api/v1"+path, body, http.StatusInternalServerError)
	}
	if after := history(t, s, ""); !slices.Equal(before, after) {
		t.Errorf("history grew: %v", after)
	}
	if !slices.Equal(root, s.signing.keys.Root()) {
		t.Error("the root was rotated")
	}
}

// TestAPublishThatFailedAfterItsRowIsAudited_B7: the row of a new version comes
// before its tag, which may not be set after all.
func TestAPublishThatFailedAfterItsRowIsAudited_B7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ctx := auth.With(t.Context(), auth.DevAdmin())
	at := registry.Access{Action: registry.Push, Repository: "acme/hello"}
	of := digest.FromString("a manifest")
	room, err := gate{accounts: s.accounts, index: s.index}.AdmitManifest(ctx, at, registry.Load{Version: true, Tag: "1.0.0", Digest: of, Manifest: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer room.Release()
	if err := room.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	lost := errors.New("the lock was lost")
	if err := room.Failed(ctx, lost); !errors.Is(err, lost) {
		t.Errorf("the failure came back as %v", err)
	}
	rows := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?action=plugin:publish", nil, http.StatusOK).Items
	if len(rows) != 2 || rows[0].Outcome != "failed" || rows[1].Outcome != "allowed" || !strings.Contains(string(rows[0].After), of.String()) || rows[0].Reason != lost.Error() {
		t.Errorf("rows %+v", rows)
	}
}

// TestACollectionThatEndsEarlyIsAudited_K1: it has removed something by then.
func TestACollectionThatEndsEarlyIsAudited_K1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	pushAs(t, s, admin, 1)
	pushAs(t, s, admin, 2)
	ctx, leave := context.WithCancel(auth.With(t.Context(), auth.DevAdmin()))
	parts, err := auth.New(auth.Options{Stores: auth.OneDatabase(leaving{s.accounts.store, leave}), Keys: s.accounts.keys, PublicURL: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = upkeep.NewCollector(s.stored, s.cfg.GC, actsOf(parts), nil, s.clock, s.log, prometheus.NewRegistry()).Collect(ctx, false, func(index.Garbage) {})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("it ended with %v", err)
	}
	rows := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?action=registry:gc", nil, http.StatusOK).Items
	if len(rows) != 2 || string(rows[1].After) != `{"begun":true}` || rows[0].Outcome != "failed" || !strings.Contains(string(rows[0].After), `"manifests_kept"`) {
		t.Errorf("rows %+v", rows)
	}
	// A line may come for bytes that the catalog is writing meanwhile, so the answer is not one document.
	if status, text := textOf(t, s, admin, "POST", "/api/v1/admin/gc"); status != http.StatusOK || !strings.Contains(text, `{"done":true,`) {
		t.Errorf("a whole one: %d %s", status, text)
	}
	if rows := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?action=registry:gc", nil, http.StatusOK).Items; len(rows) != 4 || rows[0].Outcome != "allowed" {
		t.Errorf("rows of a whole one %+v", rows)
	}
}

// leaving is a store for a caller who leaves once a row is written.
type leaving struct {
	*store.Store
	leave func()
}

func (l leaving) AppendAudit(ctx context.Context, r auth.AuditRecord) error {
	defer l.leave()
	return l.Store.AppendAudit(ctx, r)
}
