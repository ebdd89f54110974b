package api_test

import (
	"bufio"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
)

func TestEventsFollowTheCatalogAndEndWithTheServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1"))
	resp, err := web.Get(s.URL + "/api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %q", got)
	}
	lines := bufio.NewScanner(resp.Body)
	next := func() (stamp index.Stamp) {
		t.Helper()
		var event, id string
		for lines.Scan() && lines.Text() != "" {
			switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
			case "event":
				event = value
			case "id":
				id = value
			case "data":
				if err := json.Unmarshal([]byte(value), &stamp); err != nil {
					t.Fatal(err)
				}
			}
		}
		if event != "generation" || id == "" {
			t.Fatalf("event %q, id %q, error %v", event, id, lines.Err())
		}
		return stamp
	}
	if got := next(); got != s.live.Current().Stamp() {
		t.Errorf("at first %+v", got)
	}
	s.swap(t, plugin(t, "acme/other", "1.0.0 >=1"))
	if got := next(); got != s.live.Current().Stamp() || got.Generation != 2 {
		t.Errorf("after a change %+v", got)
	}
	s.api.Drain()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("after Drain: %q, %v", rest, err)
	}
}

func TestReadyFollowsTheCatalog(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if r := s.do(t, "GET", "/readyz", ""); r.StatusCode != 200 {
		t.Errorf("ready: %d", r.StatusCode)
	}
	s.ready = errBroken
	if r := s.do(t, "GET", "/readyz", ""); r.StatusCode != 503 || read[index.Problem](t, r).Code != index.CodeUnavailable {
		t.Errorf("not ready: %d %s", r.StatusCode, r.body)
	}
	for _, path := range []string{plugins, plugins + "/acme/hello", "/api/v1/catalog"} {
		if r := s.do(t, "GET", path, ""); r.StatusCode != 503 || read[index.Problem](t, r).Code != index.CodeUnavailable {
			t.Errorf("%s before the catalog serves: %d %s", path, r.StatusCode, r.body)
		}
	}
}

func TestMetricsCountRequestsAndNameTheGeneration(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1"))
	s.do(t, "GET", plugins, "")
	body := string(s.do(t, "GET", "/metrics", "").body)
	for _, want := range []string{"oarlock_catalog_generation 1", "oarlock_catalog_plugins 1"} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// The pages work with no resource from elsewhere, and the description names
// every route with the types of its answers.
func TestDescriptionAndPagesStandAlone_L2(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1"))
	var spec struct {
		OpenAPI string                               `json:"openapi"`
		Paths   map[string]map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(s.do(t, "GET", "/api/openapi.json", "").body, &spec); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Errorf("openapi %q", spec.OpenAPI)
	}
	for _, path := range []string{"/plugins", "/plugins/{publisher}/{name}", "/plugins/{publisher}/{name}/versions/{version}",
		"/plugins/{publisher}/{name}/why", "/resolve", "/catalog", "/events", "/plugins/{publisher}/{name}/channels/{channel}", "/admin/rebuild", "/admin/fsck"} {
		if spec.Paths["/api/v1"+path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
	schema := s.do(t, "GET", "/schema/plugin.v1.json", "")
	said := read[struct {
		ID string `json:"$id"`
	}](t, schema)
	if schema.StatusCode != 200 || schema.Header.Get("Content-Type") != "application/schema+json" || !strings.HasSuffix(said.ID, "/schema/plugin.v1.json") {
		t.Errorf("the schema of the plugin manifest: %d %s, $id %q", schema.StatusCode, schema.Header.Get("Content-Type"), said.ID)
	}
	elsewhere := regexp.MustCompile(`(?i)(src|href)="(https?:)?//|@import|url\(`)
	for _, path := range []string{"/api/docs"} {
		r := s.do(t, "GET", path, "")
		if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.Header.Get("Content-Type"))
		}
		if found := elsewhere.Find(r.body); found != nil {
			t.Errorf("%s needs %s", path, found)
		}
		if !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no content security policy", path)
		}
	}
}

func TestFsckStreamsDamageAndSaysWhenItIsDone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.do(t, "GET", "/api/v1/admin/fsck", "", "Authorization", "Bearer "+adminToken)
	if got := string(r.body); got != `{"path":"/blobs/x","what":"its bytes differ"}`+"\n"+`{"damaged":1,"done":true}`+"\n" {
		t.Errorf("%s", got)
	}
	s.engine.failWith = errBroken
	r = s.do(t, "GET", "/api/v1/admin/fsck", "", "Authorization", "Bearer "+adminToken)
	if strings.Contains(string(r.body), `"done"`) || !strings.Contains(string(r.body), `"error"`) {
		t.Errorf("a check that broke: %s", r.body)
	}
}

func TestCollectionStreamsDecisionsAndSaysWhenItIsDone_B8(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	auth := []string{"Authorization", "Bearer " + adminToken}
	if r := s.do(t, "POST", "/api/v1/admin/gc", ""); r.StatusCode != 401 {
		t.Errorf("without a token: %d", r.StatusCode)
	}
	r := s.do(t, "POST", "/api/v1/admin/gc?dry_run=true", "", auth...)
	lines := strings.Split(strings.TrimSpace(string(r.body)), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"decision":"remove"`) || !strings.Contains(lines[1], `"dry_run":true`) || !strings.Contains(lines[1], `"done":true`) {
		t.Errorf("%s", r.body)
	}
	s.engine.failWith = errBroken
	r = s.do(t, "POST", "/api/v1/admin/gc", "", auth...)
	if strings.Contains(string(r.body), `"done"`) || !strings.Contains(string(r.body), `"error"`) {
		t.Errorf("a collection that broke: %s", r.body)
	}
}

func TestPromotionReachesTheEngine_B3(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1"))
	auth := []string{"Authorization", "Bearer " + adminToken, "Content-Type", "application/json"}
	r := s.do(t, "POST", plugins+"/acme/hello/channels/stable", `{"version":"1.0.0"}`, auth...)
	if r.StatusCode != 200 || s.engine.promoted.Channel != "stable" || s.engine.promoted.Version != "1.0.0" {
		t.Errorf("status %d: %s", r.StatusCode, r.body)
	}
	for body, code := range map[string]string{`{"version":"9.0.0"}`: index.CodeVersionNotFound, `{"version":"new"}`: "invalid_body"} {
		r := s.do(t, "POST", plugins+"/acme/hello/channels/stable", body, auth...)
		if p := read[index.Problem](t, r); p.Code != code {
			t.Errorf("%s: %s", body, r.body)
		}
	}
	if r := s.do(t, "POST", plugins+"/acme/hello/channels/1.0.0", `{"version":"1.0.0"}`, auth...); r.StatusCode != 400 {
		t.Errorf("a version as channel: %d", r.StatusCode)
	}
}
