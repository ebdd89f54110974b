package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// Every error, whoever found it, is a problem with all of its fields.
func TestEveryErrorIsAProblem(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2"))
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		code               string
	}{
		"a route that is not there":               {"GET", "/nope", "", 404, "route_not_found"},
		"an API route that is not there":          {"GET", "/api/v1/nope", "", 404, "route_not_found"},
		"a method that is not served":             {"DELETE", "/api/v1/plugins", "", 405, "method_not_allowed"},
		"a limit that is no number":               {"GET", "/api/v1/plugins?limit=abc", "", 400, "invalid_parameter"},
		"a limit that no machine can hold":        {"GET", "/api/v1/plugins?limit=99999999999999999999", "", 400, "invalid_parameter"},
		"a limit below one":                       {"GET", "/api/v1/plugins?limit=0", "", 400, "invalid_parameter"},
		"an unknown sort":                         {"GET", "/api/v1/plugins?sort=size", "", 400, "invalid_parameter"},
		"a sort by what nobody counts":            {"GET", "/api/v1/plugins?sort=downloads", "", 400, "sort_unavailable"},
		"another one":                             {"GET", "/api/v1/plugins?sort=rating", "", 400, "sort_unavailable"},
		"a signature that is no status":           {"GET", "/api/v1/plugins?signature=good", "", 400, "invalid_parameter"},
		"a verified publisher that is no boolean": {"GET", "/api/v1/plugins?publisher_verified=maybe", "", 400, "invalid_parameter"},
		"an unknown facet":                        {"GET", "/api/v1/plugins?facets=size", "", 400, "invalid_parameter"},
		"an unknown state":                        {"GET", "/api/v1/plugins?state=gone", "", 400, "invalid_parameter"},
		"verified that is neither true nor false": {"GET", "/api/v1/plugins?verified=maybe", "", 400, "invalid_parameter"},
		"an unknown parameter":                    {"GET", "/api/v1/plugins?hostversion=1", "", 400, "unknown_parameter"},
		"a malformed host version":                {"GET", "/api/v1/plugins?host=acme-editor&host_version=one", "", 400, "invalid_host_version"},
		"a malformed host version of one plugin":  {"GET", "/api/v1/plugins/acme/hello?host=acme-editor&host_version=1.x.y", "", 400, "invalid_host_version"},
		"a malformed host version asked why":      {"GET", "/api/v1/plugins/acme/hello/why?host=acme-editor&host_version=-", "", 400, "invalid_host_version"},
		"a host version without host":             {"GET", "/api/v1/plugins?host_version=1.0.0", "", 400, "invalid_parameter"},
		"a malformed host":                        {"GET", "/api/v1/plugins?host=Not%20A%20Host", "", 400, "invalid_parameter"},
		"a malformed platform":                    {"GET", "/api/v1/plugins?platform=linux", "", 400, "invalid_parameter"},
		"a malformed channel":                     {"GET", "/api/v1/plugins?channel=No", "", 400, "invalid_parameter"},
		"a cursor that is none":                   {"GET", "/api/v1/plugins?cursor=xyz", "", 400, "invalid_cursor"},
		"a generation that is no number":          {"GET", "/api/v1/plugins?generation=new", "", 400, "invalid_parameter"},
		"a generation that is yet to come":        {"GET", "/api/v1/plugins?generation=99", "", 404, "generation_unknown"},
		"a plugin that is not there":              {"GET", "/api/v1/plugins/acme/none", "", 404, "plugin_not_found"},
		"a plugin name that cannot be":            {"GET", "/api/v1/plugins/Acme/Hello", "", 404, "plugin_not_found"},
		"why of a plugin that is not there":       {"GET", "/api/v1/plugins/acme/none/why", "", 404, "plugin_not_found"},
		"a version that is not there":             {"GET", "/api/v1/plugins/acme/hello/versions/9.9.9", "", 404, "version_not_found"},
		"a version that is none":                  {"GET", "/api/v1/plugins/acme/hello/versions/new", "", 400, "invalid_parameter"},
		"a body that is no JSON":                  {"POST", "/api/v1/resolve", "{", 400, "invalid_body"},
		"a body that is missing":                  {"POST", "/api/v1/resolve", "", 400, "invalid_body"},
		"a body with an unknown field":            {"POST", "/api/v1/resolve", `{"plugin":[]}`, 400, "invalid_body"},
		"a body that wants nothing":               {"POST", "/api/v1/resolve", `{"host":{},"plugins":[]}`, 400, "invalid_body"},
		"a body with a range that does not parse": {"POST", "/api/v1/resolve", `{"host":{},"plugins":[{"id":"acme/hello","range":"new"}]}`, 400, "invalid_body"},
		"a body with a malformed host version":    {"POST", "/api/v1/resolve", `{"host":{"id":"acme-editor","version":"x"},"plugins":[{"id":"acme/hello"}]}`, 400, "invalid_host_version"},
		"a body that is too large":                {"POST", "/api/v1/resolve", `{"plugins":[` + strings.Repeat(" ", 5000) + `]}`, 413, "body_too_large"},
		"a resolve that nothing satisfies":        {"POST", "/api/v1/resolve", `{"host":{"id":"acme-editor","version":"3.0.0"},"plugins":[{"id":"acme/hello"}]}`, 409, "unsatisfiable"},
		"a call that needs a token, without":      {"POST", "/api/v1/admin/rebuild", "", 401, "unauthorized"},
		"a promotion without token":               {"POST", "/api/v1/plugins/acme/hello/channels/stable", `{"version":"1.0.0"}`, 401, "unauthorized"},
		"fsck without token":                      {"GET", "/api/v1/admin/fsck", "", 401, "unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.do(t, c.method, c.path, c.body, "Content-Type", "application/json")
			p := read[index.Problem](t, r)
			if r.StatusCode != c.status || p.Status != c.status || p.Code != c.code {
				t.Errorf("status %d, code %q, expected %d, %q: %s", r.StatusCode, p.Code, c.status, c.code, r.body)
			}
			if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %q", got)
			}
			if p.Type == "" || p.Title == "" || p.Detail == "" {
				t.Errorf("type, title or detail is missing: %s", r.body)
			}
			if strings.HasSuffix(p.Detail, ": invalid") || strings.HasSuffix(p.Detail, ": not found") {
				t.Errorf("the detail ends with its kind: %q", p.Detail)
			}
		})
	}
}

func TestAnUnknownErrorGivesItsRequestIDAndNothingElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2"))
	s.engine.failWith = errBroken
	r := s.do(t, "POST", "/api/v1/admin/rebuild", "", "X-Request-Id", "my-request", "Authorization", "Bearer "+adminToken)
	p := read[index.Problem](t, r)
	if r.StatusCode != http.StatusInternalServerError || p.Code != index.CodeInternal {
		t.Errorf("status %d, code %q", r.StatusCode, p.Code)
	}
	if p.RequestID != "my-request" || r.Header.Get("X-Request-Id") != "my-request" {
		t.Errorf("request id %q in the body, %q in the header", p.RequestID, r.Header.Get("X-Request-Id"))
	}
	if strings.Contains(string(r.body), errBroken.Error()) {
		t.Errorf("the cause reached the client: %s", r.body)
	}
}

func TestAPanicIsAnswered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.engine.failWith = errPanic
	r := s.do(t, "POST", "/api/v1/admin/rebuild", "", "Authorization", "Bearer "+adminToken)
	if p := read[index.Problem](t, r); r.StatusCode != 500 || p.Code != index.CodeInternal || p.RequestID == "" {
		t.Errorf("status %d: %s", r.StatusCode, r.body)
	}
	if got := s.do(t, "GET", "/livez", ""); got.StatusCode != 200 {
		t.Errorf("after the panic: %d", got.StatusCode)
	}
}

// Proves K1: what a stranger sends is not parsed where a login is needed.
func TestAStrangersBodyIsNotParsed_K1(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, body := range []string{"{", `{"policy":7,"files":[]}`, strings.Repeat("[", 1<<16)} {
		r := s.do(t, "POST", "/api/v1/admin/policy/test", body)
		if p := read[index.Problem](t, r); r.StatusCode != http.StatusUnauthorized || p.Code != index.CodeUnauthorized {
			t.Errorf("%.20s: %d %s", body, r.StatusCode, r.body)
		}
	}
}

// Proves K1: who may not do what an operation does to the site learns that
// before anything of the body is read, at every operation that is the site's.
func TestWhoMayIsAskedBeforeTheBody_K1(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody map[string]any `json:"requestBody"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(s.do(t, "GET", "/api/openapi.json", "").body, &doc); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if op.RequestBody == nil || !strings.HasPrefix(path, "/api/v1/admin/") && !strings.HasPrefix(path, "/api/v1/accounts") {
				continue
			}
			if path == "/api/v1/admin/blocks" {
				continue // what it needs depends on the repository that its body names
			}
			asked++
			for _, body := range []string{"{", `{"bogus":1}`} {
				r := s.do(t, strings.ToUpper(method), strings.ReplaceAll(path, "{principal}", "person:ada"), body)
				if r.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s %s with %s: %d %s", method, path, body, r.StatusCode, r.body)
				}
			}
		}
	}
	if asked < 5 {
		t.Errorf("%d operations were asked", asked)
	}
}

// Proves K1: an answer does not grow with what is wrong in a request.
func TestProblemsAreBounded_K1(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, body := range map[string]string{
		"wrong items":        `{"plugins":[` + strings.TrimSuffix(strings.Repeat("1,", 2_000), ",") + `]}`,
		"a long property":    `{"plugins":[],"` + strings.Repeat("x", 3_900) + `":1}`,
		"a long range":       `{"plugins":[{"id":"acme/hello","range":"` + strings.Repeat("x", 3_900) + `"}]}`,
		"many wrong plugins": `{"plugins":[` + strings.TrimSuffix(strings.Repeat(`{"id":"UPPER","range":"!"},`, 140), ",") + `]}`,
	} {
		r := s.do(t, "POST", "/api/v1/resolve", body)
		if p := read[index.Problem](t, r); r.StatusCode != http.StatusBadRequest || p.Code == "" || len(r.body) > 6<<10 {
			t.Errorf("%s: %d, %d bytes: %.300s", name, r.StatusCode, len(r.body), r.body)
		}
	}
}
