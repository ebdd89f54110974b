package tenant_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/seal"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/index/tenant"
)

var noon = time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)

// site is a database with the tenants north and south, which have acme/hello, and a
// catalog that a test fills.
type site struct {
	t       *testing.T
	dir     string
	db      *store.Store
	plugin  *catalog.Plugin
	sees    bool
	rows    []string // of the audit log, as JSON
	key     seal.Key
	service *tenant.Service
	ctx     context.Context
}

var hello = func() artifact.Name { n, _ := artifact.ParseName("acme/hello"); return n }()

func (x *site) May(context.Context, auth.Action, auth.Resource) error { return nil }
func (x *site) Can(_ context.Context, action auth.Action, _ auth.Resource) (bool, error) {
	return action != auth.RepositoryPull || x.sees, nil
}
func (x *site) Visibility(context.Context, auth.Principal) (auth.Visibility, error) {
	return auth.Visibility{All: x.sees}, nil
}
func (x *site) Current() error                  { return nil }
func (x *site) Generation() *catalog.Generation { return &catalog.Generation{} }
func (x *site) Subscribe() (<-chan *catalog.Generation, func()) {
	return make(chan *catalog.Generation), func() {}
}
func (x *site) Plugin(id artifact.Name) (*catalog.Plugin, bool) {
	return x.plugin, id == hello
}
func (x *site) Note(_ context.Context, by auth.Principal, action auth.Action, r auth.Resource, before, after any) error {
	raw, err := json.Marshal([]any{by.Name, action, r, before, after})
	x.rows = append(x.rows, string(raw))
	return err
}
func (x *site) NoteFailure(context.Context, auth.Principal, auth.Action, auth.Resource, any, error) error {
	return nil
}

func newSite(t *testing.T, versions ...string) *site {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), "sqlite://"+filepath.Join(dir, "oarlock.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	key, err := seal.ParseFileKey(seal.NewFileKey())
	if err != nil {
		t.Fatal(err)
	}
	x := &site{t: t, dir: dir, db: db, plugin: &catalog.Plugin{ID: hello}, sees: true, key: key,
		ctx: auth.With(t.Context(), auth.Principal{Kind: auth.Person, Name: "person:ada"})}
	x.open(seal.NewRing(key, ""))
	for i := 0; i < len(versions); i += 2 {
		x.publish(versions[i], versions[i+1])
	}
	for _, id := range []string{"north", "south"} {
		if _, err := x.service.Create(x.ctx, index.NewTenant{ID: id}); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Enable(x.ctx, id, hello, index.TenantPluginChoice{}); err != nil {
			t.Fatal(err)
		}
	}
	x.rows = nil
	return x
}

// open is a restart with those keys.
func (x *site) open(ring *seal.Ring) {
	x.service = tenant.New(tenant.Options{Store: x.db, InTx: x.db.InTx, Rights: x, Acts: audit.Log{May: x.May, Rows: x}, Catalog: x,
		Exists: func(context.Context, string) error { return nil }, Forget: func() {}, Clock: clock.NewHand(noon).Clock(), Ring: ring})
}

// publish adds a version with a schema; "" is none.
func (x *site) publish(version, schema string) {
	x.t.Helper()
	v, err := artifact.ParseVersion(version)
	if err != nil {
		x.t.Fatal(err)
	}
	p := &artifact.Plugin{ID: hello, Version: v}
	if schema != "" {
		p.ConfigSchema = json.RawMessage(schema)
	}
	x.plugin.Versions = slices.Insert(x.plugin.Versions, 0, catalog.Version{Version: v, Digest: digest.FromString(version), Plugin: p})
}

func (x *site) configure(doc string) (index.TenantConfig, error) {
	return x.service.Configure(x.ctx, "north", hello, []byte(doc))
}

func (x *site) configured(doc string) index.TenantConfig {
	x.t.Helper()
	c, err := x.configure(doc)
	if err != nil {
		x.t.Fatal(err)
	}
	return c
}

// host is what a host is given as the configuration that counts.
func (x *site) host() string {
	x.t.Helper()
	p, err := x.service.Plugin(x.ctx, "north", hello)
	if err != nil {
		x.t.Fatal(err)
	}
	raw, err := x.service.ConfigByDigest(x.ctx, "north", p.ConfigDigest)
	if err != nil {
		x.t.Fatal(err)
	}
	if digest.FromBytes(raw).String() != p.ConfigDigest {
		x.t.Errorf("%s is not of the digest %s", raw, p.ConfigDigest)
	}
	var doc index.HostConfig
	if err := json.Unmarshal(raw, &doc); err != nil {
		x.t.Fatal(err)
	}
	return string(doc.Config)
}

// shown is a configuration as an answer has it.
func shown(t *testing.T, c index.TenantConfig) string {
	t.Helper()
	raw, err := json.Marshal(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %q", raw, c.Secrets)
}

func codeOf(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "ok"
	}
	return index.ProblemOf(err).Code
}

const withPassword = `{"type":"object","properties":{"url":{"type":"string"},"password":{"type":"string","writeOnly":true},
	"limits":{"properties":{"max":{"type":"integer","maximum":9}}},
	"servers":{"items":{"properties":{"host":{"type":"string"},"token":{"writeOnly":true}}}}},"additionalProperties":false}`

// Proves I4: a secret that is left out stays, one that is null is cleared, and no
// answer has one.
func TestASecretStaysOrIsCleared_I4(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", withPassword)
	for _, step := range []struct{ put, host, answer string }{
		{`{"url":"a","password":"s3cret"}`, `{"password":"s3cret","url":"a"}`, `{"url":"a"} ["/password"]`},
		{`{"url":"b"}`, `{"password":"s3cret","url":"b"}`, `{"url":"b"} ["/password"]`},
		{`{"url":"b","password":"s3cret2"}`, `{"password":"s3cret2","url":"b"}`, `{"url":"b"} ["/password"]`},
		{`{"url":"b","password":null}`, `{"url":"b"}`, `{"url":"b"} []`},
		{`{"url":"b","password":null,"limits":{"max":3.0}}`, `{"limits":{"max":3},"url":"b"}`, `{"limits":{"max":3},"url":"b"} []`},
		{`{"servers":[{"host":"x","token":"s3cret"},{"host":"y"}]}`, `{"servers":[{"host":"x","token":"s3cret"},{"host":"y"}]}`, `{"servers":[{"host":"x"},{"host":"y"}]} ["/servers/0/token"]`},
		{`{"servers":[{"host":"x"},{"host":"z"}]}`, `{"servers":[{"host":"x","token":"s3cret"},{"host":"z"}]}`, `{"servers":[{"host":"x"},{"host":"z"}]} ["/servers/0/token"]`},
		{`{"servers":[]}`, `{"servers":[]}`, `{"servers":[]} []`},
	} {
		c := x.configured(step.put)
		if got := shown(t, c); got != step.answer {
			t.Errorf("after %s it is shown as %s, expected %s", step.put, got, step.answer)
		}
		if got := x.host(); got != step.host {
			t.Errorf("after %s a host is given %s, expected %s", step.put, got, step.host)
		}
	}
	if rows := strings.Join(x.rows, "\n"); strings.Contains(rows, "s3cret") || strings.Contains(rows, `"url"`) {
		t.Errorf("the audit log tells what is in it:\n%s", rows)
	}
}

// Proves I4: a secret goes to no other item of a list than the one it was given for.
func TestASecretGoesToNoOtherItem_I4(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", withPassword)
	x.configured(`{"servers":[{"host":"x","token":"s3cret"},{"host":"y","token":"s3cret2"}]}`)
	_, err := x.configure(`{"servers":[{"host":"y"}]}`)
	if codeOf(t, err) != index.CodeConfigInvalid || !strings.Contains(err.Error(), "/servers/0/token") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("an item that moved: %v", err)
	}
	x.configured(`{"servers":[{"host":"y","token":null}]}`)
	if got := x.host(); got != `{"servers":[{"host":"y"}]}` {
		t.Errorf("cleared, a host is given %s", got)
	}
}

// Proves I4, I1: the same again is no revision, no row and the same answer.
func TestTheSameConfigurationAgainChangesNothing_I1_I4(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", withPassword)
	first := x.configured(`{"url":"a","password":"s3cret"}`)
	for _, doc := range []string{`{"password":"s3cret","url":"a"}`, ` { "url" : "\u0061" } `, `{"url":"a"}`} {
		if d := cmp.Diff(first, x.configured(doc)); d != "" {
			t.Errorf("%s again (-first +again):\n%s", doc, d)
		}
	}
	if len(x.rows) != 1 {
		t.Errorf("%d rows of the audit log: %s", len(x.rows), x.rows)
	}
	other, err := x.service.Configure(x.ctx, "south", hello, []byte(`{"url":"a","password":"s3cret"}`))
	if err != nil || other.Digest == first.Digest {
		t.Errorf("the digest tells that two tenants have the same secret: %v", err)
	}
}

// Proves I4: what the schema does not take is refused by its key, and nothing changes.
func TestWhatTheSchemaDoesNotTakeIsRefused_I4(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", withPassword)
	for doc, names := range map[string]string{
		`{"url":7}`: "/url", `{"password":7}`: "/password", `{"limits":{"max":10}}`: "/limits/max", `{"zone":1}`: `"zone"`, `[]`: "expected object", `nonsense`: "expected JSON",
		`{"url":"a","url":"b"}`: "twice", `{"limits":{"max":12345678901234567890}}`: "/limits/max", `{"url":"` + strings.Repeat("x", 1<<16) + `"}`: "65536",
	} {
		if _, err := x.configure(doc); codeOf(t, err) != index.CodeConfigInvalid || !strings.Contains(err.Error(), names) {
			t.Errorf("%.40s: %v, expected %s", doc, err, names)
		}
	}
	if _, err := x.service.Config(x.ctx, "north", hello); codeOf(t, err) != index.CodeNotFound || len(x.rows) > 0 {
		t.Errorf("something was configured: %v, %s", err, x.rows)
	}
	x.sees = false
	if _, err := x.configure(`{"url":7}`); codeOf(t, err) != index.CodeNotFound || strings.Contains(err.Error(), "1.0.0") {
		t.Errorf("of a plugin that he may not see: %v", err)
	}
}

// Proves I4: what could not be told within the steps is refused, and so is a schema
// from before there were limits.
func TestWhatCouldNotBeToldIsRefused_I4(t *testing.T) {
	t.Parallel()
	doubling := `{"$ref":"#/$defs/d0","$defs":{`
	for i := range 40 {
		doubling += fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	for name, schema := range map[string]string{"steps": doubling + `"d40":{"type":"object"}}}`, "a file": `{"$ref":"file:///etc/passwd"}`} {
		x := newSite(t, "1.0.0", schema)
		if _, err := x.configure(`{}`); codeOf(t, err) != index.CodeConfigUndecided || len(x.rows) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Proves I4: without a schema the whole is one secret.
func TestWithoutASchemaTheWholeIsOneSecret_I4(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", "")
	c := x.configured(`{"anything":"s3cret"}`)
	if got := shown(t, c); got != `null [""]` {
		t.Errorf("shown as %s", got)
	}
	if got := x.host(); got != `{"anything":"s3cret"}` {
		t.Errorf("a host is given %s", got)
	}
	x.configured(`{"other":1}`)
	if got := x.host(); got != `{"other":1}` {
		t.Errorf("a host is given %s", got)
	}
}

// Proves I4: an update whose schema does not take the configuration is blocked, names
// the key and not the value, and comes once the configuration is one that it takes.
func TestAnUpdateThatDoesNotTakeTheConfigurationIsBlocked_I4(t *testing.T) {
	t.Parallel()
	const needsHTTPS = `{"properties":{"url":{"pattern":"^https://"},"password":{"writeOnly":true}}}`
	x := newSite(t, "1.0.0", withPassword)
	x.configured(`{"url":"http://s3cret","password":"p"}`)
	given := func() index.TenantPlugin {
		t.Helper()
		list, err := x.service.Plugins(x.ctx, "north", artifact.Name{}, 10)
		if err != nil || len(list.Items) != 1 {
			t.Fatal(list, err)
		}
		return list.Items[0]
	}
	x.publish("1.1.0", withPassword)
	if p := given(); p.Version != "1.1.0" || len(p.Reasons) > 0 {
		t.Errorf("an update with the same schema: %+v", p)
	}
	x.publish("2.0.0", needsHTTPS)
	x.publish("2.1.0", needsHTTPS)
	for range 2 { // remembered, it is the same
		p := given()
		if p.Version != "1.1.0" || len(p.Reasons) != 1 || p.Reasons[0].Code != index.CodeConfigBlocked ||
			!strings.Contains(p.Reasons[0].Detail, "2.1.0") || !strings.Contains(p.Reasons[0].Detail, "/url") || strings.Contains(p.Reasons[0].Detail, "s3cret") {
			t.Errorf("an update that does not take it: %+v", p)
		}
	}
	look, err := x.service.Attention(x.ctx, "north", artifact.Name{}, 10)
	if err != nil || len(look.Items) != 1 || !strings.Contains(look.Items[0].Next, "tenant configure north acme/hello") {
		t.Errorf("attention: %+v, %v", look, err)
	}
	if _, err := x.service.Pin(x.ctx, "north", hello, "2.0.0"); codeOf(t, err) != index.CodeConfigBlocked {
		t.Errorf("pinned to it: %v", err)
	}
	x.configured(`{"url":"http://still","password":"p"}`) // by the version that it has
	if p := given(); p.Version != "1.1.0" {
		t.Errorf("changed for the version that it has: %+v", p)
	}
	x.configured(`{"url":"https://good"}`)
	if p := given(); p.Version != "2.1.0" || len(p.Reasons) > 0 {
		t.Errorf("changed for the newest: %+v", p)
	}
	if got := x.host(); got != `{"password":"p","url":"https://good"}` {
		t.Errorf("a host is given %s", got)
	}
	x.open(seal.NewRing(nil, "lost")) // nothing can be opened, and another schema comes
	x.publish("3.0.0", `{"type":"object","title":"new"}`)
	if p := given(); p.Version != "2.1.0" || len(p.Reasons) != 1 || p.Reasons[0].Code != index.CodeConfigUndecided {
		t.Errorf("what could not be told is no update: %+v", p)
	}
}

// Proves I4: revisions say who and when, and going back to one is a new one, secrets
// and all; disabling keeps what is configured.
func TestRevisionsAndGoingBack_I4(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", withPassword)
	x.configured(`{"url":"a","password":"one"}`)
	x.configured(`{"url":"b","password":"two"}`)
	if _, err := x.service.Disable(x.ctx, "north", hello); err != nil {
		t.Fatal(err)
	}
	back, err := x.service.RestoreConfig(x.ctx, "north", hello, 1)
	if err != nil || back.Revision != 3 || back.FromRevision != 1 || !back.Current || back.ChangedBy != "person:ada" || !back.ChangedAt.Equal(noon) {
		t.Fatalf("back: %+v, %v", back, err)
	}
	if _, err := x.service.Enable(x.ctx, "north", hello, index.TenantPluginChoice{}); err != nil {
		t.Fatal(err)
	}
	if got := x.host(); got != `{"password":"one","url":"a"}` {
		t.Errorf("a host is given %s", got)
	}
	if again, err := x.service.RestoreConfig(x.ctx, "north", hello, 1); err != nil || again.Revision != 3 {
		t.Errorf("back again: %+v, %v", again, err)
	}
	page, err := x.service.ConfigRevisions(x.ctx, "north", hello, 0, 2)
	if err != nil || len(page.Items) != 2 || page.Items[0].Revision != 3 || page.NextCursor != "2" || page.Items[0].Config != nil {
		t.Fatalf("page: %+v, %v", page, err)
	}
	page, err = x.service.ConfigRevisions(x.ctx, "north", hello, 2, 2)
	if err != nil || len(page.Items) != 1 || page.Items[0].Revision != 1 || page.Items[0].Current || page.NextCursor != "" {
		t.Fatalf("next page: %+v, %v", page, err)
	}
	two, err := x.service.ConfigRevision(x.ctx, "north", hello, 2)
	if got := shown(t, two); err != nil || got != `{"url":"b"} ["/password"]` {
		t.Errorf("revision 2: %s, %v", got, err)
	}
	for _, n := range []int64{9, -1} {
		_, err := x.service.ConfigRevision(x.ctx, "north", hello, n)
		_, err2 := x.service.RestoreConfig(x.ctx, "north", hello, n)
		if codeOf(t, err) != index.CodeNotFound || codeOf(t, err2) != index.CodeNotFound {
			t.Errorf("revision %d: %v, %v", n, err, err2)
		}
	}
	x.publish("1.1.0", `{"required":["mode"]}`)
	x.plugin.Versions = x.plugin.Versions[:1]
	if _, err := x.service.RestoreConfig(x.ctx, "north", hello, 2); codeOf(t, err) != index.CodeConfigInvalid || !strings.Contains(err.Error(), `"mode"`) {
		t.Errorf("back to what is not taken any more: %v", err)
	}
}

// Proves I4, I7: a configuration of another tenant is not found by its digest, and not
// opened where its row was moved.
func TestAConfigurationIsOfOneTenant_I4_I7(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", withPassword)
	c := x.configured(`{"password":"s3cret"}`)
	if _, err := x.service.ConfigByDigest(x.ctx, "south", c.Digest); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("by another tenant: %v", err)
	}
	row, err := x.db.OfTenant("north").Configs().ByDigest(x.ctx, c.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.db.OfTenant("south").Configs().Add(x.ctx, row); err != nil {
		t.Fatal(err)
	}
	if raw, err := x.service.ConfigByDigest(x.ctx, "south", c.Digest); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("moved to another tenant: %s, %v", raw, err)
	}
}

// Proves I4: nothing of a secret is in a file of the database.
func TestNothingOfASecretIsInTheDatabase_I4(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", withPassword)
	x.configured(`{"url":"plainly-there","password":"correct-horse-battery"}`)
	x.configured(`{"url":"plainly-there","password":"correct-horse-staple"}`)
	seen := false
	err := filepath.WalkDir(x.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		seen = seen || bytes.Contains(raw, []byte("plainly-there"))
		if bytes.Contains(raw, []byte("correct-horse")) {
			t.Errorf("%s has the secret", path)
		}
		return err
	})
	if err != nil || !seen {
		t.Errorf("the test looked in the wrong place: %v", err)
	}
}

// Proves I4: after the key is another one, what the old one sealed is sealed anew; it
// goes on where it ended, and then the old key is needed no more.
func TestTheKeyRotates_I4(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", withPassword)
	for i := range 3 {
		x.configured(fmt.Sprintf(`{"url":"%d","password":"s3cret"}`, i))
	}
	digestNow := x.configured(`{"url":"2"}`).Digest
	next, err := seal.ParseFileKey(seal.NewFileKey())
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	both := &flaky{Key: next, fails: 2}
	resealer := func(ring *seal.Ring) *tenant.Resealer {
		return &tenant.Resealer{Seals: x.db, Ring: ring, Log: slog.New(slog.NewTextHandler(&log, nil))}
	}
	if err := resealer(seal.NewRing(both, "", x.key)).Run(x.ctx); err == nil {
		t.Fatal("it ended well, and the key failed")
	}
	if keys, err := x.db.SealKeys(x.ctx); err != nil || len(keys) != 2 {
		t.Errorf("half-way the keys are %v, %v", keys, err)
	}
	both.fails = 0
	if err := resealer(seal.NewRing(both, "", x.key)).Run(x.ctx); err != nil {
		t.Fatal(err)
	}
	if keys, err := x.db.SealKeys(x.ctx); err != nil || !slices.Equal(keys, []string{next.ID()}) {
		t.Errorf("at the end the keys are %v, %v", keys, err)
	}
	x.open(seal.NewRing(next, ""))
	if raw, err := x.service.ConfigByDigest(x.ctx, "north", digestNow); err != nil || !strings.Contains(string(raw), "s3cret") {
		t.Errorf("by the new key alone: %v", err)
	}
	if strings.Contains(log.String(), "s3cret") || !strings.Contains(log.String(), "needed no more") {
		t.Errorf("the log says: %s", log.String())
	}
	if err := resealer(seal.NewRing(x.key, "")).Run(x.ctx); err != nil { // a ring without the key: it stays, and is told
		t.Fatal(err)
	}
	if keys, err := x.db.SealKeys(x.ctx); err != nil || !slices.Equal(keys, []string{next.ID()}) || !strings.Contains(log.String(), "cannot be opened") {
		t.Errorf("without the key: %v, %v, %s", keys, err, log.String())
	}
}

// flaky is a key that fails from some call on.
type flaky struct {
	seal.Key
	fails, calls int
}

func (f *flaky) Wrap(ctx context.Context, key []byte) (string, []byte, error) {
	if f.calls++; f.fails > 0 && f.calls > f.fails {
		return "", nil, errors.New("no answer")
	}
	return f.Key.Wrap(ctx, key)
}

// Proves I4: while the key cannot be asked, nothing changes and nothing is told.
func TestWithoutTheKeyNothingChanges_I4(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", withPassword)
	c := x.configured(`{"url":"a","password":"s3cret"}`)
	for name, ring := range map[string]*seal.Ring{"lost": seal.NewRing(nil, "put it back"), "silent": seal.NewRing(silent{x.key.ID()}, "")} {
		x.open(ring)
		if _, err := x.configure(`{"url":"b"}`); codeOf(t, err) != index.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := x.service.ConfigByDigest(x.ctx, "north", c.Digest); err == nil {
			t.Errorf("%s: it was opened", name)
		}
		if got, err := x.service.Config(x.ctx, "north", hello); err != nil || got.Revision != 1 {
			t.Errorf("%s: what is no secret is not shown: %v", name, err)
		}
	}
}

// silent is a key that cannot be asked.
type silent struct{ id string }

func (s silent) ID() string { return s.id }
func (silent) Wrap(context.Context, []byte) (string, []byte, error) {
	return "", nil, errors.New("no answer")
}
func (silent) Unwrap(context.Context, []byte) ([]byte, error) { return nil, errors.New("no answer") }
