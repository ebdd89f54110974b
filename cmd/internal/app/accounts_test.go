package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	orasauth "oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry/remote"
)

var tokenText = regexp.MustCompile(`oar_\w+`)

// a guarded server, and the bootstrap token of its first start.
func startGuarded(t *testing.T, change func(*config.Config)) (s *Server, token string) {
	t.Helper()
	c := configured(t)
	c.Dev = false
	if change != nil {
		change(&c)
	}
	var notice bytes.Buffer
	s, _ = startWith(t, c, &notice)
	if token = tokenText.FindString(notice.String()); token == "" {
		t.Fatalf("the first start said %q", notice.String())
	}
	return s, token
}

// ask calls the API; an answer that is not as wanted ends the test.
func ask[T any](t *testing.T, s *Server, token, method, path string, body any, want int) T {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(method, s.URL()+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, text := answerTo(t, r)
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %s, expected %d: %s", method, path, resp.Status, want, text)
	}
	var v T
	if len(text) > 0 {
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return v
}

// pushAs pushes plugin n with a token as the password.
func pushAs(t *testing.T, s *Server, token string, n int) {
	t.Helper()
	if err := tryPush(t, s, token, n); err != nil {
		t.Fatal(err)
	}
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func tryPush(t *testing.T, s *Server, token string, n int) error {
	t.Helper()
	p := plugin(t, n)
	ref := s.Addr() + "/" + p.Plugin.ID.String() + ":" + p.Plugin.Version.Tag()
	credential := orasauth.Credential{Username: "ci", Password: token}
	return remote.Push(t.Context(), p.Store, p.Root, ref, remote.Options{
		HTTPClient: visitor, Credential: orasauth.StaticCredential(s.Addr(), credential),
	})
}

func soon() string { return time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }

// tokenID is the part of a token's text that names it.
func tokenID(t *testing.T, text string) string {
	t.Helper()
	parsed, err := auth.ParseToken(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.ID()
}

func TestTheBootstrapTokenIsShownOnceAndKeptHashed_B5(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Dev = false
	var first, second bytes.Buffer
	for _, notice := range []*bytes.Buffer{&first, &second} {
		s, err := Open(t.Context(), c, options(notice))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	token := tokenText.FindString(first.String())
	if token == "" || second.Len() != 0 {
		t.Fatalf("first start said %q, second %q", first.String(), second.String())
	}
	err := filepath.WalkDir(c.Data, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(token)) {
			t.Errorf("%s holds the token", path)
		}
		info, _ := e.Info()
		if secret := !strings.Contains(path, "registry"+string(filepath.Separator)) && strings.Contains(path, "key"); secret && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	lost, _, err := RecoverAdmin(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := startWith(t, c, io.Discard)
	for _, known := range []string{token, lost} {
		if who := ask[index.Caller](t, s, known, "GET", "/api/v1/whoami", nil, 200); who.Kind != "admin" {
			t.Errorf("%+v", who)
		}
	}
}

// Every call that changes something, by nobody, by somebody without the role,
// and with a token that is none.
func TestWritesAskWhoCalls_B4_B5(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	robot := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/tokens", map[string]any{
		"label": "reader", "namespace": "acme", "scopes": []string{"repository:acme/*:pull"}, "expires_at": soon(),
	}, 201)
	pushAs(t, s, admin, 1) // of what is not there, who asks is told just that
	for _, call := range []struct{ method, path, body string }{
		{"POST", "/api/v1/namespaces", `{"name":"other"}`},
		{"PATCH", "/api/v1/namespaces/acme", `{"private":true}`},
		{"PUT", "/api/v1/namespaces/acme/members/person:eve", `{"role":"owner"}`},
		{"DELETE", "/api/v1/namespaces/acme/members/admin:bootstrap", `{}`},
		{"POST", "/api/v1/namespaces/acme/transfer", `{"to":"person:eve"}`},
		{"POST", "/api/v1/namespaces/acme/close", `{}`},
		{"GET", "/api/v1/namespaces/acme", `null`},
		{"GET", "/api/v1/tokens?namespace=acme", `null`},
		{"POST", "/api/v1/tokens", `{"label":"x","namespace":"acme","scopes":["repository:acme/*:push"],"expires_at":"` + soon() + `"}`},
		{"DELETE", "/api/v1/tokens/" + tokenID(t, admin), `{}`},
		{"GET", "/api/v1/audit", `null`},
		{"GET", "/api/v1/audit?namespace=acme", `null`},
		{"GET", "/api/v1/audit/verify", `null`},
		{"POST", "/api/v1/plugins/acme/p1/channels/stable", `{"version":"1.1.0"}`},
		{"POST", "/api/v1/admin/rebuild?check=true", `{}`},
		{"GET", "/api/v1/admin/fsck", `null`},
	} {
		for who, token := range map[string]string{"nobody": "", "a robot that may only pull": robot.Secret, "a stranger": "oar_unknown"} {
			want, code := 401, index.CodeUnauthorized
			if token == robot.Secret {
				want, code = 403, index.CodeNotAuthorised
			}
			if got := ask[index.Problem](t, s, token, call.method, call.path, json.RawMessage(call.body), want); got.Code != code {
				t.Errorf("%s %s by %s: code %q", call.method, call.path, who, got.Code)
			}
		}
	}
	if n := ask[index.NamespaceDetail](t, s, admin, "GET", "/api/v1/namespaces/acme", nil, 200); n.Private || n.ClosedAt != nil || len(n.Members) != 1 {
		t.Errorf("a refused call changed something: %+v", n)
	}
}

func TestLookAlikeNamesAreRefusedWithTheNameTheyResemble_B4(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme-tools"}, 201)
	for name, code := range map[string]string{"acme-tools": index.CodeNamespaceTaken, "acmet00ls": index.CodeNamespaceResembles, "oarlock": index.CodeNamespaceTaken, "Acme": index.CodeInvalid} {
		want := 409
		if code == index.CodeInvalid {
			want = 400
		}
		p := ask[index.Problem](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": name}, want)
		if p.Code != code || code == index.CodeNamespaceResembles && !strings.Contains(p.Detail, `"acme-tools"`) {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// unsignedListed has the versions of acme listed without a signature.
func unsignedListed(t *testing.T) func(*config.Config) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trust.yaml")
	if err := os.WriteFile(path, []byte("namespaces:\n  acme:\n    signature: optional\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) { c.Trust = path }
}

// Each write leaves a row, and the chain of all rows holds.
func TestWritesAreAudited_K1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	pushAs(t, s, admin, 1)
	ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/p1/channels/stable", map[string]any{"version": "1.1.0"}, 200)
	ask[any](t, s, admin, "POST", "/api/v1/admin/rebuild", nil, 200)
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/acme", map[string]any{"private": true}, 200)
	page := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?limit=6", nil, 200)
	var got []string
	for _, row := range page.Items {
		got = append(got, row.Action)
		if row.Actor != "admin:bootstrap" || row.Request == "" || row.At.IsZero() {
			t.Errorf("%+v", row)
		}
	}
	want := "namespace:manage catalog:rebuild catalog:rebuild channel:promote plugin:publish namespace:claim"
	if strings.Join(got, " ") != want || page.Next == 0 {
		t.Errorf("rows %v, expected %s; next %d", got, want, page.Next)
	}
	v := ask[index.AuditVerdict](t, s, admin, "GET", "/api/v1/audit/verify", nil, 200)
	if !v.Holds || v.Head == "" {
		t.Errorf("%+v", v)
	}
	if again := ask[index.AuditVerdict](t, s, admin, "GET", "/api/v1/audit/verify?head="+v.Head, nil, 200); !again.Holds {
		t.Errorf("%+v", again)
	}
	other := v.Head[:len(v.Head)-4] + "0000"
	if ask[index.AuditVerdict](t, s, admin, "GET", "/api/v1/audit/verify?head="+other, nil, 200).Holds {
		t.Error("a log that was written anew holds")
	}
}

func TestPagesOfOtherSitesAreRefusedInDev(t *testing.T) {
	t.Parallel()
	s, _ := start(t, configured(t))
	r, _ := http.NewRequest("POST", s.URL()+"/api/v1/admin/rebuild", nil)
	for site, want := range map[string]int{"cross-site": 403, "same-origin": 200} {
		r.Header.Set("Sec-Fetch-Site", site)
		resp, err := visitor.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", site, resp.Status)
		}
	}
}

// Refused acts leave a row with the address that they came from; one that was
// begun and failed says so.
func TestRefusedAndFailedActsAreAudited_K1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	reader := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/tokens", map[string]any{
		"label": "reader", "namespace": "acme", "scopes": []string{"repository:acme/*:pull"}, "expires_at": soon()}, 201).Secret
	if err := tryPush(t, s, reader, 1); err == nil {
		t.Fatal("a reader pushed")
	}
	ask[any](t, s, reader, "POST", "/api/v1/admin/rebuild", nil, 403)
	ask[any](t, s, "oar_nonsense", "GET", "/api/v1/whoami", nil, 401)
	pushAs(t, s, admin, 1)
	ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/p1/channels/stable", map[string]any{"version": "1.1.0"}, 200)
	err := s.accounts.acts.Do(auth.With(t.Context(), auth.DevAdmin()), audit.Act{Action: auth.CatalogRebuild, On: auth.Site()},
		func(context.Context) (any, error) { return nil, io.ErrUnexpectedEOF })
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cause %v", err)
	}
	rows := map[string]index.AuditRow{}
	for _, row := range ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?limit=50", nil, 200).Items {
		rows[row.Outcome+" "+row.Action+" by "+row.Actor] = row
	}
	for _, want := range []string{"denied repository:push by robot:acme/reader", "denied catalog:rebuild by robot:acme/reader", "denied login by anonymous"} {
		if row, ok := rows[want]; !ok || !strings.Contains(string(row.After), `"from":"127.0.0.1"`) || row.Request == "" {
			t.Errorf("%s: %v %+v", want, ok, row)
		}
	}
	if row := rows["failed catalog:rebuild by admin:dev"]; row.Reason != io.ErrUnexpectedEOF.Error() {
		t.Errorf("%+v", row)
	}
	if row := rows["allowed channel:promote by admin:bootstrap"]; !strings.Contains(string(row.After), `"version":"1.1.0"`) {
		t.Errorf("%+v", row)
	}
}

// Proves C2: a channel moves to what is listed, or stays as it was, and says
// so with a stable code. Its removal is written down.
func TestAChannelPointsToWhatIsListed_C2_K1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	pushAs(t, s, admin, 1)
	const channel = "/api/v1/plugins/acme/p1/channels/stable"
	p := ask[index.Problem](t, s, admin, "POST", channel, map[string]any{"version": "1.1.0"}, 409)
	if p.Code != index.CodeVersionNotListed || !strings.Contains(p.Detail, "1.1.0") {
		t.Errorf("%+v", p)
	}
	if d, err := s.stored.Storage.Resolve(t.Context(), "acme/p1", "stable"); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("the channel means %s, %v", d, err)
	}
	ask[any](t, s, admin, "DELETE", channel, nil, 404)
	d, err := s.stored.Storage.Resolve(t.Context(), "acme/p1", "1.1.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"beta", "stable"} { // as before versions had to be listed
		if err := s.registry.SetChannel(t.Context(), "acme/p1", name, d); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := ask[index.ChannelList](t, s, admin, "GET", "/api/v1/plugins/acme/p1/channels?limit=1", nil, 200)
	if len(first.Items) != 1 || first.Items[0] != (index.Channel{Channel: "beta", Version: "1.1.0", Digest: d}) || first.NextCursor != "beta" {
		t.Errorf("%+v", first)
	}
	second := ask[index.ChannelList](t, s, admin, "GET", "/api/v1/plugins/acme/p1/channels?limit=1&cursor=beta", nil, 200)
	if len(second.Items) != 1 || second.Items[0].Channel != "stable" || second.NextCursor != "" {
		t.Errorf("%+v", second)
	}
	if done := ask[index.RemovedChannel](t, s, admin, "DELETE", channel, nil, 200); done.Before != d.String() {
		t.Errorf("%+v", done)
	}
	if _, err := s.stored.Storage.Resolve(t.Context(), "acme/p1", "stable"); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("the channel is there: %v", err)
	}
	row := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?limit=1", nil, 200).Items[0]
	if row.Action != "channel:remove" || !strings.Contains(string(row.After), `"removed":true`) || !strings.Contains(string(row.Before), d.String()) {
		t.Errorf("%+v", row)
	}
}

// An act that cannot be written down is not done.
func TestNoRowNoAct_K1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	pushAs(t, s, admin, 1)
	id, v := plugin(t, 1).Plugin.ID, plugin(t, 1).Plugin.Version
	owner := auth.Principal{Kind: auth.Person, Name: "person:ada", Grants: []auth.Grant{{Role: auth.RoleOwner, Namespace: "acme"}}}
	parts, err := auth.New(auth.Options{Stores: auth.OneDatabase(noLog{s.accounts.store}), Keys: s.accounts.keys, PublicURL: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (engine{s.garbage, s.index, s.registry, s.stored, actsOf(parts)}).Promote(auth.With(t.Context(), owner), id, v, "stable"); !errors.Is(err, errNoLog) {
		t.Fatalf("promoted: %v", err)
	}
	if _, err := s.stored.Storage.Resolve(t.Context(), id.String(), "stable"); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("the channel moved: %v", err)
	}
}

// noLog is a store whose audit log cannot be written.
type noLog struct{ *store.Store }

var errNoLog = errors.New("the log is full")

func (noLog) AppendAudit(context.Context, auth.AuditRecord) error { return errNoLog }

// Rows go after their time and not before 180 days; what stays is proven as before.
func TestTheAuditLogIsPrunedAfterItsTime_K1(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	s, admin := startGuarded(t, func(c *config.Config) { c.Audit.Keep = year })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	head := ask[index.AuditVerdict](t, s, admin, "GET", "/api/v1/audit/verify", nil, 200).Head
	for _, now := range []time.Time{time.Now().Add(year / 2), time.Now().Add(2 * year)} {
		if err := pruneAudit(t.Context(), s.accounts.store, year, now, s.log); err != nil {
			t.Fatal(err)
		}
	}
	rows := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit", nil, 200).Items
	if len(rows) != 2 || rows[0].Action != store.PruneAction || rows[1].Action != "namespace:claim" {
		t.Errorf("%+v", rows)
	}
	if v := ask[index.AuditVerdict](t, s, admin, "GET", "/api/v1/audit/verify?head="+head, nil, 200); !v.Holds {
		t.Errorf("%+v", v)
	}
	c := configured(t)
	c.Audit.Keep = 179 * 24 * time.Hour
	if got := problems(t, c.Validate()); !strings.Contains(got, "audit.keep: 4296h0m0s") {
		t.Error(got)
	}
}
