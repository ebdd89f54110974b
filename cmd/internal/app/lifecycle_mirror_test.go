package app

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"oras.land/oras-go/v2"
	orasremote "oras.land/oras-go/v2/registry/remote"
	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// openMirror is a site that trusts the platform of w and has its publishers.
func openMirror(w *cellWorld) *cellWorld {
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
	if err := copyLedger(t, w.Server, here, admin, "acme"); err != nil {
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

// Proves E1 and E12 on a mirror that was made before and after the moves: what signed
// statements say is answered there as at the source, cell by cell, and what is of one
// site (blocks, quarantine) is not.
func TestEveryCellOfTheTableOnAMirror_E1_E12(t *testing.T) {
	t.Parallel()
	var mirror *cellWorld
	w := openCells(t, func(w *cellWorld) {
		mirror = openMirror(w)
		for _, id := range w.ids {
			for _, v := range []string{"1.0.0", "1.1.0"} {
				mirror.bringTag(w, id, v)
			}
		}
	})
	for i, s := range table.AllStates() {
		if status, _, _ := w.get(table.Admin, "/v2/"+w.ids[i]+"/manifests/"+artifact.StateTag); status == http.StatusOK {
			mirror.bringTag(w, w.ids[i], artifact.StateTag)
		} else if s.Travels() && s != (table.State{Plugin: index.StateActive}) {
			t.Errorf("%s: the source has no ledger", s.Name())
		}
	}
	if err := mirror.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, s := range table.AllStates() {
		if !s.Travels() {
			s = table.State{Plugin: index.StateActive}
		}
		for _, r := range table.AllRoles() {
			for _, o := range table.AllOperations() {
				if got, want := mirror.asked(w.ids[i], s, r, o), s.Cell(r, o); got != want {
					t.Errorf("%s, %s, %s: %+v, expected %+v", w.ids[i], r, o, got, want)
				}
			}
		}
	}
}
