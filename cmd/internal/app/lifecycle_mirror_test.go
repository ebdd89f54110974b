package app

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"oras.land/oras-go/v2"
	orasremote "oras.land/oras-go/v2/registry/remote"
	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle/table"
	"github.com/oarlock/oarlock/registry/mirror"
	"github.com/oarlock/oarlock/registry/remote"
)

// openMirror is a site that trusts the platform of w and has its publishers, whose
// ledger a copy brings.
func openMirror(w *cellWorld, publishers func(here *Server, admin string) error) *cellWorld {
	t := w.t
	t.Helper()
	key := ask[index.PlatformKeyList](t, w.Server, "", "GET", "/api/v1/platform-keys", nil, http.StatusOK).Items[0]
	dir := t.TempDir()
	c := configured(t)
	c.Dev, c.Trust = false, filepath.Join(dir, "trust.yaml")
	text := "platforms:\n  - name: there\n    key: {file: there.pub}\nnamespaces:\n  \"*\": {signature: optional}\n"
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "there.pub"), []byte(key.PEM), 0o600), os.WriteFile(c.Trust, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	here, admin := startGuarded(t, func(own *config.Config) { own.Trust = c.Trust })
	if err := publishers(here, admin); err != nil {
		t.Fatal(err)
	}
	if err := here.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := &cellWorld{Server: here, t: t, config: c, ids: w.ids, digests: w.digests, blobs: w.blobs}
	m.people(admin)
	for _, id := range m.ids {
		m.installed(id)
	}
	return m
}

// bringTag copies a tag as "oras cp -r" does.
func (w *cellWorld) bringTag(from *cellWorld, repository, tag string) {
	w.t.Helper()
	open := func(s *cellWorld) *orasremote.Repository {
		r := must(orasremote.NewRepository(s.Addr() + "/" + repository))
		r.PlainHTTP = true
		r.Client = &orasauth.Client{Client: visitor, Credential: orasauth.StaticCredential(s.Addr(), orasauth.Credential{Username: "x", Password: s.tokens[table.Admin]})}
		return r
	}
	if _, err := oras.ExtendedCopy(w.t.Context(), open(from), tag, open(w), tag, oras.DefaultExtendedCopyOptions); err != nil {
		w.t.Fatalf("%s:%s: %v", repository, tag, err)
	}
}

// mirrorings bring what the source gives, and give the tags that it refused.
var mirrorings = map[string]func(from, to *cellWorld) (refused []string){
	"oras": func(from, to *cellWorld) (refused []string) {
		for _, id := range from.ids {
			for _, tag := range []string{"1.0.0", "1.1.0", artifact.StateTag} {
				switch status, _, _ := from.get(table.Admin, "/v2/"+id+"/manifests/"+tag); status {
				case http.StatusOK:
					to.bringTag(from, id, tag)
				case http.StatusForbidden:
					refused = append(refused, id+":"+tag)
				}
			}
		}
		slices.Sort(refused)
		return refused
	},
	"oarlock mirror": func(from, to *cellWorld) (refused []string) {
		login := func(w *cellWorld) remote.Options {
			own := orasauth.Credential{Username: "x", Password: w.tokens[table.Admin]}
			return remote.Options{HTTPClient: visitor, Credential: orasauth.StaticCredential(w.Addr(), own)}
		}
		r, err := mirror.Run(from.t.Context(), from.Addr(), to.Addr(), mirror.Options{From: login(from), To: login(to), Repositories: from.ids})
		if err != nil || len(r.Missing)+len(r.Different) != 0 {
			from.t.Errorf("oarlock mirror: %+v, %v", r, err)
		}
		for _, i := range r.Failed {
			refused = append(refused, i.Repository+":"+i.Tag)
		}
		slices.Sort(refused)
		return slices.Compact(refused)
	},
}

// Proves E1 and E12 on a mirror that was made before and after the moves: what signed
// statements say is answered there as at the source, cell by cell, to every role and by
// its signed catalog, and what is of one site (blocks, quarantine) is not. The source
// refuses to whoever mirrors just what the table says.
func TestEveryCellOfTheTableOnAMirror_E1_E12(t *testing.T) {
	t.Parallel()
	for name, bring := range mirrorings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var here *cellWorld
			w := openCells(t, func(w *cellWorld) {
				here = openMirror(w, func(to *Server, admin string) error { return copyLedger(t, w.Server, to, admin, "acme") })
				if refused := bring(w, here); len(refused) != 0 {
					t.Fatalf("before the moves the source refuses %q", refused)
				}
			})
			if refused, want := bring(w, here), w.withdrawn(); !slices.Equal(refused, want) {
				t.Errorf("refused to the mirror: %q, expected %q", refused, want)
			}
			if err := here.index.ingest.Settled(t.Context()); err != nil {
				t.Fatal(err)
			}
			here.everyCell()
			_, c := published(t, here.Server)
			here.toldTo(c, there)
		})
	}
}

// withdrawn are the tags that the table has nobody pull, in their order.
func (w *cellWorld) withdrawn() (all []string) {
	for i, s := range table.AllStates() {
		for v, s := range map[string]table.State{"1.0.0": {Plugin: s.Plugin, Stop: s.Stop}, "1.1.0": s} {
			if !s.May(table.Admin, table.PullTag) {
				all = append(all, w.ids[i]+":"+v)
			}
		}
	}
	slices.Sort(all)
	return all
}

// everyCell asks a mirror each cell as each role.
func (w *cellWorld) everyCell() {
	w.t.Helper()
	for i, s := range table.AllStates() {
		s = there(s)
		for _, r := range table.AllRoles() {
			for _, o := range table.AllOperations() {
				if got, want := w.asked(w.ids[i], s, r, o), s.Cell(r, o); got != want {
					w.t.Errorf("%s, %s, %s: %+v, expected %+v", w.ids[i], r, o, got, want)
				}
			}
		}
	}
}

// Proves E4, E1 and C7 on a mirror that was made before a deletion and brought up to date
// after it: it shows the tombstone, by its signed catalog too, gives away nothing that it
// holds still, and takes no version.
func TestAMirrorShowsTheTombstoneOfADeletedPlugin_E4_E1(t *testing.T) {
	t.Parallel()
	for name, bring := range mirrorings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, admin := startGuarded(t, unsignedListed(t))
			owner := accountOf(t, s, admin, "eve")
			ask[any](t, s, owner, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
			pushAs(t, s, owner, 1)
			row := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK).Items[0]
			w := &cellWorld{Server: s, t: t, ids: []string{row.ID}, tokens: map[table.Role]string{table.Admin: admin}}
			here := openMirror(w, func(to *Server, admin string) error { return copyLedger(t, s, to, admin, "acme") })
			if name == "oras" {
				here.bringTag(w, row.ID, row.Version)
			}
			bring(w, here)
			if status, _, body := here.get(table.Admin, "/v2/"+row.ID+"/manifests/"+row.Version); status != http.StatusOK {
				t.Fatalf("it is not on the mirror: %d %s", status, body)
			}
			ask[any](t, s, owner, "DELETE", "/api/v1/plugins/"+row.ID+"?reason=legal", nil, http.StatusOK)
			bring(w, here)
			if err := here.index.ingest.Settled(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, token := range here.tokens {
				gone(t, here.Server, token, row.ID, row.Version, row.Digest.String())
			}
			if _, _, err := here.engines.stored.Storage.Manifest(t.Context(), row.ID, row.Digest); err != nil {
				t.Errorf("what the mirror holds is not there: %v", err)
			}
			_, c := published(t, here.Server)
			var p *index.Problem
			if _, err := c.Show(t.Context(), mustName(t, row.ID), index.Query{}); !errors.As(err, &p) || p.Code != index.CodePluginDeleted {
				t.Errorf("by the signed catalog: %v", err)
			}
			if found := must(c.Search(t.Context(), index.Query{State: "deleted"})); len(found.Items) != 1 || found.Items[0].ID != row.ID || found.Items[0].Digest != "" {
				t.Errorf("listed by the signed catalog: %+v", found.Items)
			}
		})
	}
}
