package app

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	godigest "github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/tenant"
)

// gone is what is left to see of a deleted plugin, over the wire.
func gone(t *testing.T, s *Server, owner, id, version, digest string) {
	t.Helper()
	p := ask[index.Problem](t, s, owner, "GET", "/api/v1/plugins/"+id, nil, http.StatusGone)
	if p.Code != index.CodePluginDeleted || !strings.Contains(p.Detail, "legal") {
		t.Errorf("its tombstone: %+v", p)
	}
	for _, path := range []string{"/why", "/versions/" + version} {
		if p := ask[index.Problem](t, s, owner, "GET", "/api/v1/plugins/"+id+path, nil, http.StatusGone); p.Code != index.CodePluginDeleted || !strings.Contains(p.Detail, "legal") {
			t.Errorf("%s: %+v", path, p)
		}
	}
	if page := ask[index.Page](t, s, owner, "GET", "/api/v1/plugins", nil, http.StatusOK); len(page.Items) != 0 {
		t.Errorf("it is listed: %+v", page.Items)
	}
	page := ask[index.Page](t, s, owner, "GET", "/api/v1/plugins?state=deleted", nil, http.StatusOK)
	if len(page.Items) != 1 || page.Items[0].ID != id || page.Items[0].Version != "" || page.Items[0].Digest != "" || page.Items[0].Move == nil || page.Items[0].Move.Reason != "legal" {
		t.Errorf("the list of what was deleted: %+v", page.Items)
	}
	for _, lock := range [][]index.Locked{nil, {{ID: id, Digest: godigest.Digest(digest)}}} {
		wants := index.ResolveRequest{Plugins: []index.Want{{ID: id, Range: "*"}}, Locked: lock}
		if p := ask[index.Problem](t, s, owner, "POST", "/api/v1/resolve", wants, http.StatusConflict); !strings.Contains(p.Explanation, "deleted") {
			t.Errorf("resolved with %v: %+v", lock, p)
		}
	}
	for _, at := range []string{version, digest} {
		if owner == "" { // asked to log in
			continue
		}
		if code, text := sent(t, s, owner, "GET", "/v2/"+id+"/manifests/"+at, nil); code != http.StatusNotFound {
			t.Errorf("pull of %s: %d %s", at, code, text)
		}
	}
	if l := ask[index.Lifecycle](t, s, owner, "GET", "/api/v1/plugins/"+id+"/lifecycle", nil, http.StatusOK); l.State != index.StateDeleted || len(l.Legal) != 0 {
		t.Errorf("where it stands: %+v", l)
	}
	if err := tryPush(t, s, owner, 1); err == nil || !strings.Contains(err.Error(), "was deleted") && !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("a push: %v", err)
	}
}

// stateDeleted appends the statement that deletes a plugin, and does nothing more: as
// a server does that is killed then.
func stateDeleted(t *testing.T, s *Server, id string) {
	t.Helper()
	bytes := ledgerStore{ledgerReader{s.engines.stored.Storage, s.index.basis}, s.registry, s.accounts.store.Writable}
	to := statements.New(statements.Options{Store: bytes, Judge: s.index.basis.Ledgers, Signer: s.index.basis.Platform.Signer,
		Remembered: s.index.ingest.Remembered, Now: time.Now})
	_, err := to.Append(t.Context(), index.NewStatement{Ledger: format.OfPlugin(mustName(t, id)), Kind: format.PluginDeleted, Actor: "person:eve",
		Role: format.RoleOwner, Body: []byte(`{"reason":"legal"}`), ID: id})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestADeletedPluginIsGoneForGood_E4: an owner deletes it, nobody else does, and
// not while it is enabled; its name and ledger stay, and nothing brings it back.
func TestADeletedPluginIsGoneForGood_E4(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	owner, maintainer := accountOf(t, s, admin, "eve"), accountOf(t, s, admin, "max")
	ask[any](t, s, owner, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, s, owner, "PUT", "/api/v1/namespaces/acme/members/person:max", map[string]any{"role": "maintainer"}, http.StatusNoContent)
	pushAs(t, s, owner, 1)
	row := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK).Items[0]
	plugin := "/api/v1/plugins/" + row.ID
	for _, token := range []string{maintainer, admin} {
		ask[index.Problem](t, s, token, "DELETE", plugin+"?reason=legal", nil, http.StatusForbidden)
	}
	if p := ask[index.Problem](t, s, owner, "DELETE", plugin, nil, http.StatusBadRequest); !strings.Contains(p.Detail, "reason") {
		t.Errorf("without a reason: %+v", p)
	}
	ask[any](t, s, admin, "POST", plugin+"/lifecycle", map[string]any{"move": "suspend", "reason": "malware"}, http.StatusOK)
	if p := ask[index.Problem](t, s, owner, "DELETE", plugin+"?reason=legal", nil, http.StatusConflict); p.Code != index.CodeLifecycle || !strings.Contains(p.Detail, "the platform suspended") {
		t.Errorf("what the site looks into is deleted: %+v", p)
	}
	ask[any](t, s, admin, "POST", plugin+"/lifecycle", map[string]any{"move": "resume"}, http.StatusOK)

	of := tenant.Tenant{ID: "tenant-has", Environment: tenant.Test, CreatedBy: "x", CreatedAt: time.Now()}
	if err := s.accounts.store.AddTenant(t.Context(), of); err != nil {
		t.Fatal(err)
	}
	has := tenant.Install{Plugin: mustName(t, row.ID), Enabled: true, ChangedBy: "x", ChangedAt: time.Now()}
	installs := s.accounts.store.OfTenant("tenant-has").Installs()
	if err := installs.Put(t.Context(), has); err != nil {
		t.Fatal(err)
	}
	if p := ask[index.Problem](t, s, owner, "DELETE", plugin+"?reason=legal", nil, http.StatusConflict); p.Code != index.CodeStillEnabled || !strings.Contains(p.Detail, "by 1 tenants") {
		t.Errorf("what somebody runs is deleted: %+v", p)
	}
	has.Enabled, has.Revision = false, 1
	if err := installs.Put(t.Context(), has); err != nil {
		t.Fatal(err)
	}
	l := ask[index.Lifecycle](t, s, owner, "DELETE", plugin+"?reason=legal", nil, http.StatusOK)
	if l.State != index.StateDeleted || len(l.Warnings) != 0 {
		t.Errorf("deleted: %+v", l)
	}
	gone(t, s, owner, row.ID, row.Version, row.Digest.String())
	if code, page := sent(t, s, owner, "GET", "/plugins/"+row.ID, nil); code != http.StatusGone || !strings.Contains(page, "deleted") || strings.Contains(page, row.Digest.String()) {
		t.Errorf("its page: %d %s", code, page)
	}
	for _, feed := range []string{"plugins/" + row.ID, "publishers/acme", "site"} {
		if code, text := sent(t, s, owner, "GET", "/feeds/"+feed+".json", nil); code != http.StatusOK || !strings.Contains(text, row.ID+" is deleted") {
			t.Errorf("feed of %s: %d %s", feed, code, text)
		}
	}
	if tags, err := s.engines.stored.Storage.TagNames(t.Context(), row.ID); err != nil || len(tags) != 1 || tags[0] != "oarlock-state" {
		t.Errorf("what is stored still: %q, %v", tags, err)
	}
	if p := ask[index.Problem](t, s, admin, "POST", plugin+"/lifecycle", map[string]any{"move": "restore"}, http.StatusConflict); p.Code != index.CodeLifecycle {
		t.Errorf("restore: %+v", p)
	}
	before := s.index.live.Current().Snapshot.Digest()
	ask[any](t, s, admin, "POST", "/api/v1/admin/rebuild", nil, http.StatusOK)
	if after := s.index.live.Current().Snapshot.Digest(); after != before {
		t.Errorf("a rebuild gives %s, and it was %s", after, before)
	}
}

// TestADeletionThatWasCutIsMadeUp_E4: the statement is what deletes. Whatever is
// stored after a crash is given to nobody, makes no other catalog, and goes.
func TestADeletionThatWasCutIsMadeUp_E4(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	owner := accountOf(t, s, admin, "eve")
	ask[any](t, s, owner, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	pushAs(t, s, owner, 1)
	row := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK).Items[0]
	stateDeleted(t, s, row.ID)
	if tags, err := s.engines.stored.Storage.TagNames(t.Context(), row.ID); err != nil || len(tags) < 2 {
		t.Fatalf("nothing was left: %q, %v", tags, err)
	}
	gone(t, s, owner, row.ID, row.Version, row.Digest.String())
	before := s.index.live.Current().Snapshot.Digest()
	if err := s.lifecycles.EraseDeleted(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if tags, err := s.engines.stored.Storage.TagNames(t.Context(), row.ID); err != nil || len(tags) != 1 {
		t.Errorf("what is stored still: %q, %v", tags, err)
	}
	gone(t, s, owner, row.ID, row.Version, row.Digest.String())
	if after := s.index.live.Current().Snapshot.Digest(); after != before {
		t.Errorf("the catalog changed from %s to %s when the bytes went", before, after)
	}
}

// TestNobodyEnablesWhatIsBeingDeleted_E4: between the look at who has a plugin and the
// statement that deletes it, a tenant that enables it is refused; when the deletion was
// refused, it may.
func TestNobodyEnablesWhatIsBeingDeleted_E4(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	owner := accountOf(t, s, admin, "eve")
	ask[any](t, s, owner, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	pushAs(t, s, owner, 1)
	row := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK).Items[0]
	if err := s.accounts.store.AddTenant(t.Context(), tenant.Tenant{ID: "north", Environment: tenant.Test, CreatedBy: "x", CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	enable := "/api/v1/tenants/north/plugins/" + row.ID + "/enable"
	held := lifecycle.Deletion{Plugin: mustName(t, row.ID), ID: "under way", Begun: time.Now()}
	if n, err := s.accounts.store.BeginDeletion(t.Context(), held); err != nil || n != 0 {
		t.Fatalf("%d, %v", n, err)
	}
	if p := ask[index.Problem](t, s, admin, "POST", enable, map[string]any{}, http.StatusConflict); !strings.Contains(p.Detail, "is being deleted") {
		t.Errorf("enabled while it is deleted: %+v", p)
	}
	if err := s.accounts.store.EndDeletion(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	ask[any](t, s, owner, "DELETE", "/api/v1/plugins/"+row.ID+"?reason=unheard", nil, http.StatusBadRequest) // which ends its own
	ask[any](t, s, admin, "POST", enable, map[string]any{}, http.StatusOK)
	if p := ask[index.Problem](t, s, owner, "DELETE", "/api/v1/plugins/"+row.ID+"?reason=legal", nil, http.StatusConflict); p.Code != index.CodeStillEnabled {
		t.Errorf("what somebody runs is deleted: %+v", p)
	}
}
