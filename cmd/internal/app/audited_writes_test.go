package app

import (
	"encoding/base64"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
)

// TestWritesOfTheRegistryAreWrittenDown_K1: of what is no operation of the API. Each request
// of the registry that changes something leaves one row, denied, when it is made by
// who may not. By who may, a new version and each removal leave one row when they
// begin; the bytes that a version is made of are not written down one by one, since
// nobody finds them before it; and what changes nothing leaves none.
func TestWritesOfTheRegistryAreWrittenDown_K1(t *testing.T) {
	t.Parallel()
	listed := unsignedListed(t)
	s, admin := startGuarded(t, listed)
	l := auditedServer{t, s, admin, map[string]string{"stranger": accountOf(t, s, admin, "stranger")}}
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	pushAs(t, s, admin, 1)
	page := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK).Items
	id, content := page[0].ID, page[0].Digest.String()
	blob := digest.FromString("a blob that nobody has").String()
	at := "/v2/" + id
	for _, c := range []struct{ method, path, action string }{
		{"POST", at + "/blobs/uploads/", "repository:push"},
		{"POST", at + "/blobs/uploads/?mount=" + blob + "&from=acme/other", "repository:push"},
		{"PUT", at + "/manifests/" + content, "repository:push"},
		{"PUT", at + "/manifests/9.9.9", "repository:push"},
		{"DELETE", at + "/manifests/1.1.0", "repository:delete"},
		{"DELETE", at + "/manifests/" + content, "repository:delete"},
		{"DELETE", at + "/blobs/" + content, "repository:delete"},
	} {
		status, text, rows := l.registry(l.others["stranger"], c.method, c.path)
		if status != http.StatusForbidden || len(rows) != 1 || rows[0].Outcome != "denied" || rows[0].Action != c.action || rows[0].Resource != "repository "+id {
			t.Errorf("%s %s by a stranger: %d %s: expected one row, denied %s: %s", c.method, c.path, status, text, c.action, rowsText(rows))
		}
	}
	for _, c := range []struct {
		what   string
		status int
		rows   int
		do     func() (int, string)
	}{
		{"bytes", http.StatusCreated, 0, func() (int, string) { return upload(t, s, admin, id, []byte("hello"), false) }},
		{"a new version", http.StatusCreated, 1, func() (int, string) { return pushed(t, s, admin, "acme/hello", "1.0.0") }},
		{"the same version again", http.StatusCreated, 0, func() (int, string) { return pushed(t, s, admin, "acme/hello", "1.0.0") }},
	} {
		last := newest(t, s, admin, 0)
		status, text := c.do()
		if rows := newest(t, s, admin, last[0].Seq); status != c.status || len(rows) != c.rows {
			t.Errorf("%s: %d %s: expected %d rows: %s", c.what, status, text, c.rows, rowsText(rows))
		}
	}
	mine := digest.FromString("hello").String()
	for _, c := range []struct {
		what, path string
		status     int
		rows       int
	}{
		{"a blob", at + "/blobs/" + mine, http.StatusAccepted, 1},
		{"it again", at + "/blobs/" + mine, http.StatusNotFound, 0},
		{"a tag that is not there", at + "/manifests/nightly", http.StatusNotFound, 0},
		{"a manifest that is not there", at + "/manifests/" + blob, http.StatusNotFound, 0},
	} {
		if status, text, rows := l.registry(admin, "DELETE", c.path); status != c.status || len(rows) != c.rows {
			t.Errorf("delete %s: %d %s: expected %d and %d rows: %s", c.what, status, text, c.status, c.rows, rowsText(rows))
		}
	}
}

// registry sends what has no body to the registry, and gives the rows that it leaves.
func (l auditedServer) registry(token, method, path string) (status int, text string, rows []index.AuditRow) {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), method, l.s.URL()+path, strings.NewReader("{}"))
	if err != nil {
		l.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("x:"+token)))
	r.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	last := newest(l.t, l.s, l.admin, 0)
	resp, text := answerTo(l.t, r)
	l.s.accounts.trail.SettleRefusals(l.t.Context(), true)
	return resp.StatusCode, text, newest(l.t, l.s, l.admin, last[0].Seq)
}

// TestLoginsAreWrittenDown_K1: one row when a login begins or is refused, one when it
// ends, and none when it ended before.
func TestLoginsAreWrittenDown_K1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Transport: visitor.Transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range []struct {
		what, path string
		form       url.Values
		rows       int
		says       string
	}{
		{"a token that does not hold", "/auth/session", url.Values{"token": {"oar_nonsense"}}, 1, "denied login"},
		{"a token", "/auth/session", url.Values{"token": {admin}}, 1, "allowed token:create"},
		{"logout", "/auth/logout", url.Values{}, 1, "allowed token:revoke"},
		{"logout again", "/auth/logout", url.Values{}, 0, ""},
	} {
		last := newest(t, s, admin, 0)
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+c.path, strings.NewReader(c.form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		s.accounts.trail.SettleRefusals(t.Context(), true)
		rows := newest(t, s, admin, last[0].Seq)
		if len(rows) != c.rows || len(rows) == 1 && rows[0].Outcome+" "+rows[0].Action != c.says || resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d: expected %d rows, %s: %s", c.what, resp.StatusCode, c.rows, c.says, rowsText(rows))
		}
	}
}

// TestAFloodOfRefusalsIsCounted_K1: of what somebody tries over and over the first is
// written down at once, and how many more there were when the interval is over.
func TestAFloodOfRefusalsIsCounted_K1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	eve := accountOf(t, s, admin, "eve")
	last := newest(t, s, admin, 0)
	for range 50 {
		ask[index.Problem](t, s, eve, "POST", "/api/v1/admin/gc", nil, http.StatusForbidden)
	}
	if rows := newest(t, s, admin, last[0].Seq); len(rows) != 1 || rows[0].Outcome != "denied" {
		t.Errorf("while it goes on: %s", rowsText(rows))
	}
	s.accounts.trail.SettleRefusals(t.Context(), true)
	rows := newest(t, s, admin, last[0].Seq)
	if len(rows) != 2 || !strings.HasPrefix(rows[0].Reason, "49 more like it since ") || rows[0].Actor != "person:eve" || rows[0].Action != "registry:gc" {
		t.Errorf("afterwards: %s", rowsText(rows))
	}
}
