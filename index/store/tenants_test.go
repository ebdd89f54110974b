package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/tenant"
)

func someTenant(id string) tenant.Tenant {
	return tenant.Tenant{
		ID: id, Tier: "pro", Niches: []string{"editors"}, Labels: []string{"region=north"}, Environment: tenant.Staging, Canary: true,
		CreatedBy: "person:ada", CreatedAt: noon,
	}
}

// mustTenants adds tenants.
func mustTenants(t *testing.T, s *Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		want(t, "add tenant "+id, s.AddTenant(t.Context(), someTenant(id)), nil)
	}
}

// contractTenants holds tenant.Store to what it promises (I1).
func contractTenants(t *testing.T, s *Store) {
	ctx := t.Context()
	north, south := someTenant("north"), someTenant("a-south")
	mustTenants(t, s, "north", "a-south")
	north.Revision, south.Revision = 1, 1
	want(t, "add the same", s.AddTenant(ctx, north), artifact.ErrConflict)
	got, err := s.OfTenant("north").Tenant(ctx)
	same(t, "read", got, north, err)
	_, err = s.OfTenant("North").Tenant(ctx)
	want(t, "read one that is not there", err, artifact.ErrNotFound)
	list, err := s.Tenants(ctx, "", 10)
	same(t, "list", list, []tenant.Tenant{south, north}, err)
	list, err = s.Tenants(ctx, "a-south", 1)
	same(t, "next page", list, []tenant.Tenant{north}, err)

	changed := north
	changed.Tier, changed.Niches, changed.Environment, changed.CreatedBy = "", nil, tenant.Production, "person:eve"
	want(t, "change", s.OfTenant("north").Change(ctx, changed), nil)
	want(t, "change again from the old one", s.OfTenant("north").Change(ctx, changed), artifact.ErrConflict)
	want(t, "change one that is not there", s.OfTenant("west").Change(ctx, changed), artifact.ErrNotFound)
	changed.Revision, changed.CreatedBy = 2, north.CreatedBy
	got, err = s.OfTenant("north").Tenant(ctx)
	same(t, "read the changed one, with who made it", got, changed, err)
	got, err = s.OfTenant("a-south").Tenant(ctx)
	same(t, "the other one stays", got, south, err)
	odd := someTenant("odd")
	odd.Environment = "prod"
	if err := s.AddTenant(ctx, odd); err == nil {
		t.Error("an environment that is none of the three was stored")
	}
}

// contractHosts holds tenant.HostRows to what it promises (I6).
func contractHosts(t *testing.T, s *Store) {
	ctx := t.Context()
	mustTenants(t, s, "north", "south")
	id, err := artifact.ParseHostID("acme-editor")
	want(t, "host id", err, nil)
	version, err := artifact.ParseHostVersion("2.1")
	want(t, "host version", err, nil)
	platform, err := artifact.ParsePlatform("linux/arm64")
	want(t, "platform", err, nil)
	h := tenant.Host{Name: "b", Host: id, Version: version, Platform: platform, CreatedBy: "person:ada", CreatedAt: noon}
	north, south := s.OfTenant("north").Hosts(), s.OfTenant("south").Hosts()
	other := h
	other.Name = "A"
	want(t, "add", north.Add(ctx, h), nil)
	want(t, "add another", north.Add(ctx, other), nil)
	want(t, "add the same", north.Add(ctx, h), artifact.ErrConflict)
	want(t, "the same name elsewhere", south.Add(ctx, h), nil)
	want(t, "add to no tenant", s.OfTenant("west").Hosts().Add(ctx, h), artifact.ErrNotFound)
	want(t, "add without a platform", north.Add(ctx, tenant.Host{Name: "c", Host: id, Version: version}), artifact.ErrInvalid)
	h.Revision, other.Revision = 1, 1

	text := func(hs ...tenant.Host) (out []string) { // the parsed values are compared by their text
		for _, h := range hs {
			out = append(out, h.Name+" "+h.Host.String()+" "+h.Version.String()+" "+h.Platform.String()+" "+h.CreatedBy+" "+h.CreatedAt.String())
		}
		return out
	}
	list, err := north.List(ctx, "", 10)
	same(t, "list in the order of bytes", text(list...), text(other, h), err)
	list, err = north.List(ctx, "A", 10)
	same(t, "next page", text(list...), text(h), err)
	_, err = s.OfTenant("west").Hosts().List(ctx, "", 10)
	want(t, "list of no tenant", err, artifact.ErrNotFound)

	moved := h
	moved.Version, err = artifact.ParseHostVersion("3.0.0")
	want(t, "host version", err, nil)
	want(t, "change", north.Change(ctx, moved), nil)
	want(t, "change from the old one", north.Change(ctx, moved), artifact.ErrConflict)
	got, err := north.Host(ctx, "b")
	same(t, "read", text(got), text(moved), err)
	got, err = south.Host(ctx, "b")
	same(t, "the other tenant's stays", text(got), text(h), err)
	want(t, "remove", north.Remove(ctx, "b"), nil)
	want(t, "remove again", north.Remove(ctx, "b"), artifact.ErrNotFound)
	_, err = south.Host(ctx, "b")
	want(t, "the other tenant's is there", err, nil)
}

// someInstall is a plugin that a tenant has at a version.
func someInstall(t *testing.T, plugin, version string) tenant.Install {
	t.Helper()
	name, err := artifact.ParseName(plugin)
	want(t, plugin, err, nil)
	i := tenant.Install{Plugin: name, Enabled: true, Channel: "stable", ChangedBy: "person:ada", ChangedAt: noon}
	if version != "" {
		i.Version, err = artifact.ParseVersion(version)
		want(t, version, err, nil)
		i.Digest = digest.FromString(version).String()
	}
	return i
}

// contractInstalls holds tenant.InstallRows to what it promises (I1).
func contractInstalls(t *testing.T, s *Store) {
	ctx := t.Context()
	mustTenants(t, s, "north", "south")
	north, south := s.OfTenant("north").Installs(), s.OfTenant("south").Installs()
	lint := someInstall(t, "acme/lint", "1.0.0+5")
	want(t, "put", north.Put(ctx, lint), nil)
	want(t, "put as new again", north.Put(ctx, lint), artifact.ErrConflict)
	want(t, "put elsewhere", south.Put(ctx, lint), nil)
	want(t, "put for no tenant", s.OfTenant("west").Installs().Put(ctx, lint), artifact.ErrNotFound)

	off := lint
	off.Enabled, off.ChangedAt, off.Revision = false, noon.Add(time.Hour), 1
	off.Pin = off.Version
	want(t, "change", north.Put(ctx, off), nil)
	want(t, "change from the old one", north.Put(ctx, off), artifact.ErrConflict)
	got, err := north.Install(ctx, lint.Plugin)
	same(t, "read", []any{got.Enabled, got.Pin.String(), got.Version.String(), got.Digest, got.ChangedAt, got.Revision},
		[]any{false, "1.0.0+5", "1.0.0+5", lint.Digest, off.ChangedAt, int64(2)}, err)
	got, err = south.Install(ctx, lint.Plugin)
	same(t, "the other tenant's stays", []any{got.Enabled, got.Pin.IsZero(), got.Revision}, []any{true, true, int64(1)}, err)

	want(t, "put another", north.Put(ctx, someInstall(t, "acme/fmt", "")), nil)
	list, err := north.List(ctx, artifact.Name{}, 10)
	same(t, "list", names(list), []string{"acme/fmt", "acme/lint"}, err)
	list, err = north.List(ctx, list[0].Plugin, 10)
	same(t, "next page", names(list), []string{"acme/lint"}, err)
	list, err = north.List(ctx, lint.Plugin, 10)
	same(t, "last page", list, []tenant.Install{}, err)
	_, err = s.OfTenant("west").Installs().List(ctx, artifact.Name{}, 10)
	want(t, "list of no tenant", err, artifact.ErrNotFound)
	want(t, "remove", north.Remove(ctx, lint.Plugin), nil)
	want(t, "remove again", north.Remove(ctx, lint.Plugin), artifact.ErrNotFound)
	_, err = south.Install(ctx, lint.Plugin)
	want(t, "the other tenant's is there", err, nil)
}

// contractTenantsDamaged: a row that cannot be read says so, and keeps no other from
// being read.
func contractTenantsDamaged(t *testing.T, s *Store) {
	ctx := t.Context()
	mustTenants(t, s, "north", "south")
	north := s.OfTenant("north")
	held := someInstall(t, "acme/lint", "1.0.0")
	held.Hold = tenant.Hold{Until: noon.Add(time.Hour), Reason: "end of the year", By: "person:ada"}
	want(t, "put", north.Installs().Put(ctx, held), nil)
	want(t, "put another", north.Installs().Put(ctx, someInstall(t, "acme/fmt", "1.0.0")), nil)
	got, err := north.Installs().Install(ctx, held.Plugin)
	same(t, "the hold is kept", got.Hold, held.Hold, err)
	id, err := artifact.ParseHostID("acme-editor")
	want(t, "host id", err, nil)
	version, err := artifact.ParseHostVersion("2.1")
	want(t, "host version", err, nil)
	platform, err := artifact.ParsePlatform("linux/arm64")
	want(t, "platform", err, nil)
	for _, name := range []string{"aa", "bb"} {
		want(t, "add", north.Hosts().Add(ctx, tenant.Host{Name: name, Host: id, Version: version, Platform: platform, CreatedBy: "a", CreatedAt: noon}), nil)
	}
	for _, sql := range []string{
		"UPDATE tenant_installs SET version = 'x', pin = 'y' WHERE tenant = 'north' AND plugin = 'acme/fmt'",
		"UPDATE tenant_hosts SET version = 'x' WHERE name = 'aa'",
		"UPDATE tenants SET niches = '{' WHERE id = 'south'",
	} {
		if _, err := s.write.ExecContext(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	installs, err := north.Installs().List(ctx, artifact.Name{}, 10)
	same(t, "plugins", names(installs), []string{"acme/fmt", "acme/lint"}, err)
	same(t, "one of them is damaged", []bool{installs[0].Damaged != nil, installs[1].Damaged != nil}, []bool{true, false}, nil)
	got, err = north.Installs().Install(ctx, installs[0].Plugin)
	want(t, "that one alone", err, ErrDamaged)
	same(t, "has what can be read", []any{got.Enabled, got.Revision, got.Damaged != nil}, []any{true, int64(1), true}, nil)
	hosts, err := north.Hosts().List(ctx, "", 10)
	same(t, "hosts", []any{len(hosts), hosts[0].Name, hosts[0].Damaged != nil, hosts[1].Damaged != nil}, []any{2, "aa", true, false}, err)
	tenants, err := s.Tenants(ctx, "", 10)
	same(t, "tenants", []any{len(tenants), tenants[0].Damaged != nil, tenants[1].ID, tenants[1].Damaged != nil}, []any{2, false, "south", true}, err)
}

func names(list []tenant.Install) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.Plugin.String()
	}
	return out
}

// contractTenantMembers holds tenant.MemberRows to what it promises (I7), and
// lifecycle.Holders to what it says of a principal (B11).
func contractTenantMembers(t *testing.T, s *Store) {
	ctx := t.Context()
	lint := someInstall(t, "acme/lint", "1.0.0")
	holds := func(principal string) string {
		t.Helper()
		asks, has, err := s.HasPlugin(ctx, principal, lint.Plugin)
		want(t, principal, err, nil)
		return fmt.Sprintf("asks %t has %t", asks, has)
	}
	same(t, "without any tenant", holds("person:ada"), "asks false has false", nil)
	mustTenants(t, s, "north", "south")
	ada := tenant.Member{Principal: "person:ada", Role: "tenant-admin", AddedBy: "admin:root", AddedAt: noon}
	robot := tenant.Member{Principal: "Robot", Role: "tenant-viewer", AddedBy: "admin:root", AddedAt: noon}
	north, south := s.OfTenant("north").Members(), s.OfTenant("south").Members()
	want(t, "add", north.Add(ctx, ada), nil)
	want(t, "add another", north.Add(ctx, robot), nil)
	want(t, "add the same", north.Add(ctx, ada), artifact.ErrConflict)
	want(t, "add nobody", north.Add(ctx, tenant.Member{}), artifact.ErrInvalid)
	want(t, "add to no tenant", s.OfTenant("west").Members().Add(ctx, ada), artifact.ErrNotFound)
	list, err := north.List(ctx, "", 10)
	same(t, "list in the order of bytes", list, []tenant.Member{robot, ada}, err)
	list, err = north.List(ctx, "Robot", 10)
	same(t, "next page", list, []tenant.Member{ada}, err)
	list, err = south.List(ctx, "", 10)
	same(t, "the other tenant has none", list, []tenant.Member{}, err)
	_, err = s.OfTenant("west").Members().List(ctx, "", 10)
	want(t, "list of no tenant", err, artifact.ErrNotFound)

	want(t, "put elsewhere", s.OfTenant("south").Installs().Put(ctx, lint), nil)
	same(t, "another tenant has it", holds("person:ada"), "asks true has false", nil)
	want(t, "add to the one that has it", south.Add(ctx, ada), nil)
	same(t, "one of two has it", holds("person:ada"), "asks true has true", nil)
	same(t, "who asks for the one without", holds("Robot"), "asks true has false", nil)
	same(t, "nobody's member", holds("person:eve"), "asks false has false", nil)
	want(t, "remove", south.Remove(ctx, "person:ada"), nil)
	want(t, "remove again", south.Remove(ctx, "person:ada"), artifact.ErrNotFound)
	same(t, "and has it no more", holds("person:ada"), "asks true has false", nil)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := s.HasPlugin(gone, "person:ada", lint.Plugin); err == nil {
		t.Error("a question that could not be asked was answered")
	}
}

// contractHolders holds lifecycle.Holders to what it promises (E5).
func contractHolders(t *testing.T, s *Store) {
	ctx := t.Context()
	mustTenants(t, s, "b", "a", "C")
	lint := someInstall(t, "acme/lint", "1.0.0")
	for id, version := range map[string]string{"a": "1.0.0", "b": "2.0.0", "C": "1.0.0"} {
		want(t, "put", s.OfTenant(id).Installs().Put(ctx, someInstall(t, "acme/lint", version)), nil)
	}
	want(t, "put another plugin", s.OfTenant("a").Installs().Put(ctx, someInstall(t, "acme/fmt", "1.0.0")), nil)
	who := func(digest, after string, limit int) (out []string) {
		t.Helper()
		holders, err := s.Holders(ctx, lint.Plugin, digest, after, limit)
		want(t, "holders", err, nil)
		for _, h := range holders {
			out = append(out, h.Tenant+"@"+h.Version.String())
		}
		return out
	}
	same(t, "all", who("", "", 10), []string{"C@1.0.0", "a@1.0.0", "b@2.0.0"}, nil)
	same(t, "in pages", who("", "C", 1), []string{"a@1.0.0"}, nil)
	same(t, "of one digest", who(lint.Digest, "", 10), []string{"C@1.0.0", "a@1.0.0"}, nil)
	if _, err := s.write.ExecContext(ctx, "UPDATE tenant_installs SET version = 'x' WHERE tenant = 'a'"); err != nil {
		t.Fatal(err)
	}
	var none []lifecycle.Holder
	got, err := s.Holders(ctx, lint.Plugin, "", "", 10)
	want(t, "a row that cannot be read", err, ErrDamaged)
	same(t, "says of nobody that it is without it", got, none, nil)
}
