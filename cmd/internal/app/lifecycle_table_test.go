package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/index/lifecycle/table"
	"github.com/oarlock/oarlock/index/tenant"
	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A cellWorld is a server with one plugin in each state of the table: version
// 1.1.0 of it is in that state, and 1.0.0 where the state is the plugin's.
type cellWorld struct {
	*Server
	t       *testing.T
	config  config.Config
	tokens  map[table.Role]string
	ids     []string
	digests map[string]map[string]digest.Digest // by plugin and version
	blobs   map[string]digest.Digest            // a layer of 1.1.0, by plugin
	stop    func() error
}

// openCells runs ready when all plugins are there and still active.
func openCells(t *testing.T, ready ...func(*cellWorld)) *cellWorld {
	t.Helper()
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	var notice bytes.Buffer
	w := &cellWorld{t: t, config: c, tokens: map[table.Role]string{}, digests: map[string]map[string]digest.Digest{}, blobs: map[string]digest.Digest{}}
	w.Server, w.stop = startBy(t, c, options(&notice))
	w.people(tokenText.FindString(notice.String()))
	for _, s := range table.AllStates() {
		w.put(s)
	}
	for _, run := range ready {
		run(w)
	}
	for i, s := range table.AllStates() {
		w.bring(w.ids[i], s)
	}
	if err := w.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// people claims the namespace, and makes somebody in each role of the table.
func (w *cellWorld) people(admin string) {
	t := w.t
	t.Helper()
	ask[any](t, w.Server, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	w.tokens = map[table.Role]string{table.Admin: admin, table.Anonymous: "", table.Publisher: accountOf(t, w.Server, admin, "pat"),
		table.Holder: accountOf(t, w.Server, admin, "tenant-has"), table.Tenant: accountOf(t, w.Server, admin, "tenant-not")}
	ask[any](t, w.Server, admin, "PUT", "/api/v1/namespaces/acme/members/person:pat", map[string]any{"role": "publisher"}, 204)
	for _, id := range []string{"tenant-has", "tenant-not"} {
		made := tenant.Tenant{ID: id, Environment: tenant.Test, CreatedBy: "admin:test", CreatedAt: time.Now()}
		member := tenant.Member{Principal: "person:" + id, Role: "tenant-viewer", AddedBy: "admin:test", AddedAt: time.Now()}
		if err := errors.Join(w.accounts.store.AddTenant(t.Context(), made), w.accounts.store.OfTenant(id).Members().Add(t.Context(), member)); err != nil {
			t.Fatal(err)
		}
	}
}

// installed has the tenant that has plugins have this one.
func (w *cellWorld) installed(id string) {
	w.t.Helper()
	has := tenant.Install{Plugin: mustName(w.t, id), Enabled: true, ChangedBy: "x", ChangedAt: time.Now()}
	if err := w.accounts.store.OfTenant("tenant-has").Installs().Put(w.t.Context(), has); err != nil {
		w.t.Fatal(err)
	}
}

// put publishes a plugin that is to come into a state.
func (w *cellWorld) put(s table.State) {
	id := "acme/" + strings.NewReplacer(" ", "-", "(", "", ")", "").Replace(s.Name())
	if s.Version != "" {
		id += "-version"
	}
	w.ids, w.digests[id] = append(w.ids, id), map[string]digest.Digest{}
	for _, v := range []string{"1.0.0", "1.1.0"} {
		publish(w.t, w.Server, w.tokens[table.Admin], `{"id": "`+id+`", "version": "`+v+`", "engines": {"acme-editor": "*"}, "description": "`+id+v+`"}`)
		status, head, body := w.get(table.Admin, "/v2/"+id+"/manifests/"+v)
		if status != 200 {
			w.t.Fatalf("%s: %d %s", id, status, body)
		}
		w.digests[id][v] = digest.Digest(head.Get("Docker-Content-Digest"))
		var m struct {
			Layers []struct{ Digest digest.Digest }
		}
		if err := json.Unmarshal([]byte(body), &m); err != nil || len(m.Layers) == 0 {
			w.t.Fatalf("%v in %s", err, body)
		}
		w.blobs[id] = m.Layers[0].Digest
	}
	w.installed(id)
}

// bring moves a plugin into a state, as people and the platform do.
func (w *cellWorld) bring(id string, s table.State) {
	t, admin := w.t, w.tokens[table.Admin]
	t.Helper()
	move := func(m index.NewMove) {
		ask[any](t, w.Server, admin, "POST", "/api/v1/plugins/"+id+"/lifecycle", m, 200)
	}
	switch s.Plugin {
	case index.StateDeprecated:
		move(index.NewMove{Move: "deprecate", Reason: "superseded"})
	case index.StateSuspended:
		existing := "keep"
		if s.Stop {
			existing = "stop"
		}
		move(index.NewMove{Move: "suspend", Reason: "security_review", Text: "being looked at", Existing: existing})
	case index.StateRemoved:
		move(index.NewMove{Move: "remove", Reason: "discontinued"})
	case index.StateEmergencyRemoved:
		w.declare(id, true, w.digests[id]["1.0.0"], w.digests[id]["1.1.0"])
	}
	d := w.digests[id]["1.1.0"]
	switch s.Version {
	case index.VersionYanked:
		ask[any](t, w.Server, admin, "POST", "/api/v1/plugins/"+id+"/versions/1.1.0/yank", map[string]any{"reason": "broken"}, 200)
	case index.VersionBlocked:
		ask[any](t, w.Server, admin, "POST", "/api/v1/admin/blocks", index.BlockRequest{Repository: id, Reference: "1.1.0", Reason: "steals keys"}, 200)
	case index.VersionEmergencyRemoved:
		w.declare(id, false, d)
	case index.VersionQuarantined:
		at := filepath.Join(w.config.Data, "registry", driver.BlobPath(w.blobs[id]))
		if err := os.WriteFile(at, []byte("damaged"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := w.engines.stored.Checks.Scrub(t.Context(), integrity.ScrubOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *cellWorld) declare(id string, all bool, digests ...digest.Digest) {
	w.t.Helper()
	own := w.index.basis.Platform
	bytes := ledgerStore{ledgerReader{w.engines.stored.Storage, w.index.basis}, w.registry, w.accounts.store.Writable}
	to := statements.New(statements.Options{Store: bytes, Judge: w.index.basis.Ledgers, Signer: own.Signer, Remembered: w.index.ingest.Remembered, Now: time.Now})
	body, err := json.Marshal(format.Emergency{Grounds: format.Grounds{Reason: format.ReasonMalware, Text: "it steals"}, All: all, Digests: digests, ApprovedBy: []string{"admin:two"}})
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = to.Append(w.t.Context(), index.NewStatement{Ledger: format.OfPlugin(mustName(w.t, id)), Kind: format.EmergencyDeclared, Actor: "admin:one", Role: format.RolePlatform, Body: body, ID: id})
	if err != nil {
		w.t.Fatal(err)
	}
}

// get asks as a role; nobody in particular has what the token server gives to
// everybody.
func (w *cellWorld) get(r table.Role, path string) (int, http.Header, string) {
	w.t.Helper()
	return w.send(r, "GET", path)
}

func (w *cellWorld) send(r table.Role, method, path string) (int, http.Header, string) {
	w.t.Helper()
	token := w.tokens[r]
	if repo, _, is := strings.Cut(strings.TrimPrefix(path, "/v2/"), "/manifests/"); is && r == table.Anonymous {
		token = accessToken(w.t, w.Server, "", "repository:"+repo+":pull")
	} else if repo, _, is := strings.Cut(strings.TrimPrefix(path, "/v2/"), "/blobs/"); is && r == table.Anonymous {
		token = accessToken(w.t, w.Server, "", "repository:"+repo+":pull")
	}
	q := must(http.NewRequest(method, w.URL()+path, nil))
	q.Header.Set("Accept", "*/*")
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	resp := must(visitor.Do(q))
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header, string(must(io.ReadAll(resp.Body)))
}

// asked is what the server answers to a cell.
func (w *cellWorld) asked(id string, s table.State, r table.Role, o table.Operation) table.Cell {
	w.t.Helper()
	switch o {
	case table.PullTag:
		return w.pull(s, r, "/v2/"+id+"/manifests/1.1.0")
	case table.PullDigest:
		c := w.pull(s, r, "/v2/"+id+"/manifests/"+w.digests[id]["1.1.0"].String())
		if blob := w.pull(s, r, "/v2/"+id+"/blobs/"+w.blobs[id].String()); blob != c && s.Version != index.VersionQuarantined { // whose bytes are not there
			w.t.Errorf("%s as %s: a blob answers %+v, the manifest %+v", id, r, blob, c)
		}
		return c
	}
	q := &cellQuestion{Catalog: clientOf(w.t, w.Server, w.tokens[r]), t: w.t, id: mustName(w.t, id), state: s, role: r, digests: w.digests[id]}
	return q.asked(o)
}

// pull is what a read of the registry answers.
func (w *cellWorld) pull(s table.State, r table.Role, path string) table.Cell {
	w.t.Helper()
	status, _, body := w.get(r, path)
	// Clients look a tag up with HEAD, and say what that answers. Pushes ask so by
	// digest, and then "not found" has them send again what nobody else may read.
	if got, _, _ := w.send(r, "HEAD", path); got != status && (got != http.StatusNotFound || strings.HasSuffix(path, "/manifests/1.1.0")) {
		w.t.Errorf("%s as %s: HEAD answers %d, GET %d", path, r, got, status)
	}
	if status == 200 {
		return table.Cell{Answer: table.Yes, Status: 200}
	}
	var said struct {
		Errors []struct {
			Code   string
			Detail struct{ Code, Kind string }
		}
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil || len(said.Errors) == 0 {
		w.t.Errorf("%s as %s: %d %s", path, r, status, body)
		return table.Cell{Status: status}
	}
	return table.Cell{Status: status, Code: said.Errors[0].Detail.Code}
}

// Proves E1, E3, E4, E12, B11 and C9: each state is built on a server, and each
// cell of the table asked over the wire as each role.
func TestEveryCellOfTheTableOverTheWire_E12_B11(t *testing.T) {
	t.Parallel()
	w := openCells(t)
	for i, s := range table.AllStates() {
		for _, r := range table.AllRoles() {
			for _, o := range table.AllOperations() {
				if got, want := w.asked(w.ids[i], s, r, o), s.Cell(r, o); got != want {
					t.Errorf("%s, %s, %s: %+v, expected %+v", s.Name(), r, o, got, want)
				}
			}
		}
	}
}
