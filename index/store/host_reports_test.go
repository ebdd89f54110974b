package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/tenant"
)

// mustHost gives a tenant a host.
func mustHost(t *testing.T, s *Store, id, name string) {
	t.Helper()
	host, err := artifact.ParseHostID("acme-editor")
	want(t, "host id", err, nil)
	version, err := artifact.ParseHostVersion("2.1")
	want(t, "host version", err, nil)
	platform, err := artifact.ParsePlatform("linux/arm64")
	want(t, "platform", err, nil)
	want(t, "add host", s.OfTenant(id).Hosts().Add(t.Context(), tenant.Host{Name: name, Host: host, Version: version, Platform: platform, CreatedBy: "person:ada", CreatedAt: noon}), nil)
}

// contractHostCredentials holds auth.HostStore to what it promises (I6): one for each
// host, which ends with it.
func contractHostCredentials(t *testing.T, s *Store) {
	ctx := t.Context()
	mustTenants(t, s, "north")
	mustHost(t, s, "north", "editor-1")
	one := auth.HostRecord{ID: "a", Tenant: "north", Host: "editor-1", Hash: []byte("1"), CreatedBy: "person:ada", CreatedAt: noon}
	want(t, "put", s.PutHostCredential(ctx, one), nil)
	got, err := s.HostCredential(ctx, "a")
	same(t, "read", got, one, err)
	two := one
	two.ID, two.Hash = "b", []byte("2")
	want(t, "put another", s.PutHostCredential(ctx, two), nil)
	_, err = s.HostCredential(ctx, "a")
	want(t, "the one before has ended", err, artifact.ErrNotFound)
	one.Host = "editor-2"
	want(t, "of no host", s.PutHostCredential(ctx, one), artifact.ErrNotFound)
	one.Tenant = "west"
	want(t, "of no tenant", s.PutHostCredential(ctx, one), artifact.ErrNotFound)
	want(t, "remove the host", s.OfTenant("north").Hosts().Remove(ctx, "editor-1"), nil)
	_, err = s.HostCredential(ctx, "b")
	want(t, "it ends with its host", err, artifact.ErrNotFound)
}

// contractHostStates holds tenant.StateRows to what it promises (I10): compared and
// set, and no epoch goes back.
func contractHostStates(t *testing.T, s *Store) {
	ctx := t.Context()
	mustTenants(t, s, "north", "south")
	mustHost(t, s, "north", "editor-1")
	states := s.OfTenant("north").States()
	_, err := states.State(ctx, "editor-1")
	want(t, "at first", err, artifact.ErrNotFound)
	h := tenant.HostState{Host: "editor-1", Epoch: index.Epoch{Key: 1, Counter: 5}, Digest: "sha256:d", Content: []byte(`{"items":[]}`),
		Generation: 3, CatalogDigest: "sha256:c", ChangedAt: noon}
	want(t, "put", states.Put(ctx, h), nil)
	want(t, "put as new again", states.Put(ctx, h), artifact.ErrConflict)
	h.Revision, h.Past = 1, []string{`"1.4-x"`}
	h.Epoch.Counter = 6
	want(t, "put the next", states.Put(ctx, h), nil)
	want(t, "put from the old one", states.Put(ctx, h), artifact.ErrConflict)
	h.Revision = 2
	got, err := states.State(ctx, "editor-1")
	same(t, "read", got, h, err)
	back := h
	back.Epoch.Counter = 5
	want(t, "an epoch that goes back", states.Put(ctx, back), artifact.ErrConflict)
	back.Epoch = index.Epoch{Key: 2, Counter: 1}
	want(t, "another key", states.Put(ctx, back), nil)
	_, err = s.OfTenant("south").States().State(ctx, "editor-1")
	want(t, "the other tenant has none", err, artifact.ErrNotFound)
	want(t, "remove the host", s.OfTenant("north").Hosts().Remove(ctx, "editor-1"), nil)
	got, err = states.State(ctx, "editor-1")
	same(t, "it stays", got.Epoch, index.Epoch{Key: 2, Counter: 1}, err)
}

// contractHostReports holds tenant.ReportRows to what it promises (I9, I14).
func contractHostReports(t *testing.T, s *Store) {
	ctx := t.Context()
	mustTenants(t, s, "north", "south")
	mustHost(t, s, "north", "editor-1")
	reports, since := s.OfTenant("north").Reports(), noon.Add(-time.Hour)
	_, err := reports.Report(ctx, "editor-1")
	want(t, "at first", err, artifact.ErrNotFound)
	r := tenant.Report{Epoch: index.Epoch{Key: 1, Counter: 5}, At: noon, Items: []index.HostItem{
		{Plugin: "acme/fmt", Status: index.HostError, Code: "start_failed", Message: "no", Trace: "here"},
		{Plugin: "acme/lint", Version: "1.0.0", Digest: "sha256:d", Since: &since, Status: index.HostOK}}}
	want(t, "put", reports.Put(ctx, "editor-1", r), nil)
	got, err := reports.Report(ctx, "editor-1")
	same(t, "read", got, r, err)
	want(t, "put without items", reports.Put(ctx, "editor-1", tenant.Report{Epoch: index.Epoch{Key: 1, Counter: 6}, At: noon.Add(time.Minute)}), nil)
	got, err = reports.Report(ctx, "editor-1")
	same(t, "the items stay", []any{len(got.Items), got.Epoch.Counter, got.At}, []any{2, int64(6), noon.Add(time.Minute)}, err)
	plugins, err := reports.Plugins(ctx, []string{"acme/fmt", "acme/none"})
	same(t, "by plugin", plugins, map[string][]index.TenantPluginHost{"acme/fmt": {{Host: "editor-1", Status: index.HostError, Code: "start_failed", Message: "no"}}}, err)
	plugins, err = s.OfTenant("south").Reports().Plugins(ctx, []string{"acme/fmt"})
	same(t, "the other tenant's", len(plugins), 0, err)
	for n := range tenant.MostBuckets + 3 {
		want(t, "buckets", reports.Put(ctx, "editor-1", tenant.Report{At: noon, Buckets: []map[string]any{{"n": n}}}), nil)
	}
	n, err := s.read.NewSelect().Model((*hostBucketRow)(nil)).Count(ctx)
	same(t, "the newest counters are kept", int(n), tenant.MostBuckets, err)
	many := make([]index.HostItem, 250)
	for n := range many {
		many[n] = index.HostItem{Plugin: fmt.Sprintf("acme/p%03d", n), Status: index.HostUnknown}
	}
	want(t, "many", reports.Put(ctx, "editor-1", tenant.Report{At: noon, Items: many}), nil)
	got, err = reports.Report(ctx, "editor-1")
	same(t, "all of them", len(got.Items), len(many), err)
	if err := reports.Put(ctx, "editor-2", r); err == nil {
		t.Error("a host that is not there reported")
	}
	want(t, "remove the host", s.OfTenant("north").Hosts().Remove(ctx, "editor-1"), nil)
	_, err = reports.Report(ctx, "editor-1")
	want(t, "it goes with its host", err, artifact.ErrNotFound)
}

// contractTenantsChanged: which tenants the audit log is about, since a row.
func contractTenantsChanged(t *testing.T, s *Store) {
	ctx := t.Context()
	none, at, err := s.TenantsChanged(ctx, -1)
	same(t, "from now on", len(none), 0, err)
	for _, resource := range []string{"tenant north", "site", "tenant south", "tenant north"} {
		want(t, "audit", s.AppendAudit(ctx, auth.AuditRecord{At: noon, Actor: "person:ada", Action: "tenant:manage", Resource: resource, Outcome: "allowed"}), nil)
	}
	ids, last, err := s.TenantsChanged(ctx, at)
	same(t, "changed", ids, []string{"north", "south"}, err)
	same(t, "up to", last, at+4, err)
	for _, r := range []auth.AuditRecord{{Action: "tenant:manage", Outcome: "denied"}, {Action: "host:report", Outcome: "allowed"}} {
		r.At, r.Actor, r.Resource = noon, "person:eve", "tenant north"
		want(t, "audit of what changes nothing", s.AppendAudit(ctx, r), nil)
	}
	ids, last, err = s.TenantsChanged(ctx, last)
	same(t, "nothing that changes one since", len(ids), 0, err)
	same(t, "up to there all the same", last, at+6, err)
}
