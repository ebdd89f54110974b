package app

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

// Of many pushes at once, as many get in as there is room for; the others are
// told the limit, and burn no version.
func TestQuotasHoldUnderParallelPushes_B7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) {
		c.Quota.Versions = 100
		c.Namespaces["acme"] = config.Settings{Quota: config.Quota{Versions: 3}}
	})
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	errs := make([]error, 8)
	var pushing sync.WaitGroup
	for n := range errs {
		pushing.Go(func() { errs[n] = tryPush(t, s, admin, n+1) })
	}
	pushing.Wait()
	in := 0
	for _, err := range errs {
		switch {
		case err == nil:
			in++
		case !strings.Contains(err.Error(), `quota "versions" of namespace acme`):
			t.Errorf("refused otherwise: %v", err)
		}
	}
	used := ask[index.Usage](t, s, admin, "GET", "/api/v1/namespaces/acme/usage", nil, 200)
	if in != 3 || used.Versions != 3 || used.Limits.Versions != 3 || used.Bytes == 0 {
		t.Errorf("%d got in, usage %+v", in, used)
	}
	for n, err := range errs {
		if err == nil {
			if err := tryPush(t, s, admin, n+1); err != nil {
				t.Errorf("the same push again: %v", err)
			}
		}
	}
	if again := ask[index.Usage](t, s, admin, "GET", "/api/v1/namespaces/acme/usage", nil, 200); again != used {
		t.Errorf("pushing the same again counts: %+v, before %+v", again, used)
	}
}

func TestArtifactsAreHeldToTheirLimits_B7(t *testing.T) {
	t.Parallel()
	for limit, set := range map[string]func(*config.Quota){
		`"artifact bytes"`: func(q *config.Quota) { q.ArtifactBytes = 100 },
		`"manifest bytes"`: func(q *config.Quota) { q.ManifestBytes = 100 },
		`"bytes" of`:       func(q *config.Quota) { q.Bytes = 100 },
	} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			s, admin := startGuarded(t, func(c *config.Config) { set(&c.Quota) })
			ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
			if err := tryPush(t, s, admin, 1); err == nil || !strings.Contains(err.Error(), limit) {
				t.Errorf("%v, expected the limit %s", err, limit)
			}
		})
	}
}

// Who asks too much, or guesses passwords, is told when to come again; health
// is never refused.
func TestRatesAreLimitedWithRetryAfter_B7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) {
		c.Rate = config.Rate{PerSecond: 0.01, Burst: 3, Logins: 0.01, LoginBurst: 2}
	})
	get := func(path, user, password string) *http.Response {
		t.Helper()
		r, err := http.NewRequest("GET", s.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		resp, err := visitor.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	for _, path := range []string{"/v2/acme/hello/tags/list", "/api/v1/catalog"} {
		var last *http.Response
		for range 4 {
			last = get(path, "admin", admin)
		}
		if wait, err := strconv.Atoi(last.Header.Get("Retry-After")); last.StatusCode != 429 || err != nil || wait < 1 {
			t.Errorf("%s: %s, Retry-After %q", path, last.Status, last.Header.Get("Retry-After"))
		}
	}
	var last *http.Response
	for range 3 {
		last = get("/auth/token", "ci", "wrong")
	}
	if last.StatusCode != 429 || last.Header.Get("Retry-After") == "" {
		t.Errorf("guessing: %s", last.Status)
	}
	for range 10 {
		if resp := get("/livez", "", ""); resp.StatusCode != 200 {
			t.Fatalf("health: %s", resp.Status)
		}
	}
}

func TestTheSiteSwitchRefusesNewVersions_B6(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Publishing = "off" })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	if err := tryPush(t, s, admin, 1); err == nil || !strings.Contains(err.Error(), "publishing is switched off") {
		t.Errorf("%v", err)
	}
}
