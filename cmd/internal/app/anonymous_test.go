package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
)

// statusOf asks without a login, or with a token, as a browser where html is set.
func statusOf(t *testing.T, s *Server, token, path string, html bool) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if html {
		r.Header.Set("Accept", "text/html")
	}
	return answerTo(t, r)
}

// Proves B2 and B4: what may be done without a login is what the site says.
func TestAnonymous_B2_B4(t *testing.T) {
	t.Parallel()
	want := map[string]map[string]int{
		"pull":    {"/v2/acme/p1/tags/list": 200, "/api/v1/catalog": 200, "/api/v1/plugins": 200, "/": 200, "/metrics": 200, "/livez": 200, "/readyz": 200},
		"catalog": {"/v2/acme/p1/tags/list": 401, "/api/v1/catalog": 200, "/api/v1/plugins": 200, "/": 200, "/metrics": 200, "/livez": 200, "/readyz": 200},
		"none":    {"/v2/acme/p1/tags/list": 401, "/api/v1/catalog": 401, "/api/v1/plugins": 401, "/api/openapi.json": 401, "/": 401, "/metrics": 401, "/livez": 200, "/readyz": 200},
	}
	for mode, paths := range want {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s, admin := startGuarded(t, func(c *config.Config) { c.Anonymous = mode })
			ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
			name := plugin(t, 1).Plugin.ID.String()
			pushAs(t, s, admin, 1)
			anyone := ask[map[string]any](t, s, "", "GET", "/auth/token?service="+s.Addr()+"&scope=repository:"+name+":pull", nil, http.StatusOK)["token"].(string)
			for path, status := range paths {
				path = strings.Replace(path, "acme/p1", name, 1)
				for _, token := range []string{"", anyone} {
					if resp, body := statusOf(t, s, token, path, false); (token == "" || strings.HasPrefix(path, "/v2/")) && resp.StatusCode != status {
						t.Errorf("%s with %d bytes of token: %s, expected %d: %.200s", path, len(token), resp.Status, status, body)
					} else if status == http.StatusUnauthorized && !strings.Contains(resp.Header.Get("WWW-Authenticate"), "/auth/token") {
						t.Errorf("%s: no challenge: %v", path, resp.Header)
					}
				}
				if resp, body := statusOf(t, s, admin, path, false); resp.StatusCode != 200 {
					t.Errorf("%s with a login: %s: %.200s", path, resp.Status, body)
				}
			}
			if resp, body := statusOf(t, s, "", "/", true); strings.Contains(body, "Sign in</h1>") != (mode == "none") {
				t.Errorf("the first page: %s %.300s", resp.Status, body)
			}
		})
	}
}
