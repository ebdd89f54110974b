package store

import (
	"fmt"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/seal"
	"github.com/oarlock/oarlock/index/tenant"
)

func someConfig(t *testing.T, plugin string, revision int64) tenant.Config {
	t.Helper()
	name, err := artifact.ParseName(plugin)
	want(t, "name", err, nil)
	return tenant.Config{Plugin: name, Revision: revision, Digest: fmt.Sprintf("sha256:%064d", revision), Schema: "sha256:5", Version: "1.0.0", Public: `{"a":1}`,
		Secrets: []string{"/b", "/c/0"}, Sealed: seal.Sealed{Key: "file:old", Bytes: []byte{0, 1, 0xff}}, From: revision - 1, ChangedBy: "person:ada", ChangedAt: noon}
}

// contractConfigs holds tenant.ConfigRows and tenant.Seals to what they promise (I4).
func contractConfigs(t *testing.T, s *Store) {
	ctx := t.Context()
	mustTenants(t, s, "north", "south")
	north, south := s.OfTenant("north").Configs(), s.OfTenant("south").Configs()
	one, two := someConfig(t, "acme/lint", 1), someConfig(t, "acme/lint", 2)
	whole := two
	whole.Public, whole.Secrets = "", []string{""}
	want(t, "add", north.Add(ctx, one), nil)
	want(t, "add the same", north.Add(ctx, one), artifact.ErrConflict)
	want(t, "add the next", north.Add(ctx, whole), nil)
	want(t, "add elsewhere", south.Add(ctx, one), nil)
	want(t, "add to no tenant", s.OfTenant("west").Configs().Add(ctx, one), artifact.ErrNotFound)
	got, err := north.Revision(ctx, one.Plugin, 1)
	same(t, "read", show(got), show(one), err)
	got, err = north.Revision(ctx, one.Plugin, 2)
	same(t, "read one that is all secret", show(got), show(whole), err)
	_, err = north.Revision(ctx, one.Plugin, 3)
	want(t, "read one that is not there", err, artifact.ErrNotFound)
	list, err := north.List(ctx, one.Plugin, 0, 10)
	same(t, "list, the newest first", revisions(list), []int64{2, 1}, err)
	list, err = north.List(ctx, one.Plugin, 2, 10)
	same(t, "next page", revisions(list), []int64{1}, err)
	got, err = north.ByDigest(ctx, two.Digest)
	same(t, "by digest", got.Revision, int64(2), err)
	_, err = south.ByDigest(ctx, two.Digest)
	want(t, "by a digest of another tenant", err, artifact.ErrNotFound)

	keys, err := s.SealKeys(ctx)
	same(t, "keys", keys, []string{"file:old"}, err)
	sealed, err := s.NotSealedBy(ctx, "file:new", tenant.SealedAt{}, 2)
	same(t, "sealed by another", places(sealed), []string{"north acme/lint 1", "north acme/lint 2"}, err)
	sealed, err = s.NotSealedBy(ctx, "file:new", sealed[1].SealedAt, 2)
	same(t, "after those", places(sealed), []string{"south acme/lint 1"}, err)
	now := seal.Sealed{Key: "file:new", Bytes: []byte("anew")}
	want(t, "reseal", s.Reseal(ctx, sealed[0].SealedAt, "file:old", now), nil)
	want(t, "reseal what is", s.Reseal(ctx, sealed[0].SealedAt, "file:old", seal.Sealed{Key: "file:other", Bytes: []byte("x")}), nil)
	got, err = south.Revision(ctx, one.Plugin, 1)
	same(t, "sealed anew once", got.Sealed, now, err)
	keys, err = s.SealKeys(ctx)
	same(t, "keys", keys, []string{"file:new", "file:old"}, err)

	want(t, "add much later", north.Add(ctx, someConfig(t, "acme/lint", tenant.KeptRevisions+1)), nil)
	list, err = north.List(ctx, one.Plugin, 0, 10)
	same(t, "the oldest are gone", revisions(list), []int64{tenant.KeptRevisions + 1, 2}, err)
	lint := someInstall(t, "acme/lint", "1.0.0")
	lint.Config = tenant.Configured{Revision: 2, Digest: two.Digest, Schema: "sha256:5"}
	want(t, "install", s.OfTenant("north").Installs().Put(ctx, lint), nil)
	install, err := s.OfTenant("north").Installs().Install(ctx, lint.Plugin)
	same(t, "which counts", install.Config, lint.Config, err)
	want(t, "remove", s.OfTenant("north").Installs().Remove(ctx, lint.Plugin), nil)
	list, err = north.List(ctx, one.Plugin, 0, 10)
	same(t, "gone with the plugin", revisions(list), []int64{}, err)
	list, err = south.List(ctx, one.Plugin, 0, 10)
	same(t, "the other tenant's stays", revisions(list), []int64{1}, err)
}

func show(c tenant.Config) string { return fmt.Sprintf("%s %+v", c.Plugin, c) }

func revisions(list []tenant.Config) []int64 {
	out := []int64{}
	for _, c := range list {
		out = append(out, c.Revision)
	}
	return out
}

func places(list []tenant.SealedConfig) []string {
	out := []string{}
	for _, c := range list {
		out = append(out, fmt.Sprintf("%s %s %d", c.Tenant, c.Plugin, c.Revision))
	}
	return out
}
