package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

func TestClientAsksTheRealAPI_L1(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/lib", "1.0.0", release{})
	d := s.publish(t, "acme/tool", "1.0.0", release{plugin: map[string]any{"dependencies": []any{map[string]any{"id": "acme/lib", "range": "^1"}}}})
	s.publish(t, "acme/tool", "2.0.0", release{plugin: map[string]any{"engines": map[string]string{"acme-editor": ">=4"}}})
	c := s.client(t)
	q := index.Query{Host: "acme-editor", HostVersion: "3.1"}

	page, err := c.Search(t.Context(), q)
	if err != nil || page.Total != 2 || page.Items[1].ID != "acme/tool" || page.Items[1].Version != "1.0.0" {
		t.Errorf("search: %+v, %v", page, err)
	}
	detail, err := c.Show(t.Context(), name(t, "acme/tool"), q)
	if err != nil || detail.Digest != d {
		t.Errorf("show: %+v, %v", detail, err)
	}
	version, err := artifact.ParseVersion("2.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Version(t.Context(), name(t, "acme/tool"), version); err != nil || got.Version.Version != "2.0.0" {
		t.Errorf("version: %+v, %v", got, err)
	}
	why, err := c.Why(t.Context(), name(t, "acme/tool"), q)
	if err != nil || len(why.Versions) != 2 || why.Versions[0].Reasons[0].Code != index.ReasonHostVersion || !why.Versions[1].Included {
		t.Errorf("why: %+v, %v", why, err)
	}
	if sum, err := c.Catalog(t.Context()); err != nil || sum.Plugins != 2 || sum.Versions != 3 {
		t.Errorf("catalog: %+v, %v", sum, err)
	}
	r, err := c.Resolve(t.Context(), index.ResolveRequest{Host: index.HostQuery{ID: "acme-editor", Version: "3"}, Plugins: []index.Want{{ID: "acme/tool"}}})
	if err != nil || len(r.Resolved) != 2 || r.Resolved[1].Digest != d || r.Resolved[1].Reference != s.host+"/acme/tool@"+d.String() {
		t.Errorf("resolve: %+v, %v", r, err)
	}
}

func TestProblemsComeBackAsKinds(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	c := s.client(t)
	_, notFound := c.Show(t.Context(), name(t, "acme/none"), index.Query{})
	_, invalid := c.Search(t.Context(), index.Query{Host: "acme-editor", HostVersion: "not a version"})
	_, conflict := c.Resolve(t.Context(), index.ResolveRequest{Plugins: []index.Want{{ID: "acme/tool", Range: "^7"}}})
	for want, err := range map[string]error{"not found": notFound, "invalid": invalid, "conflict": conflict} {
		if kinds(err) != want {
			t.Errorf("got %v, expected %s", err, want)
		}
	}
	var p *index.Problem
	if !errors.As(conflict, &p) || p.Code != index.CodeUnsatisfiable || !strings.Contains(p.Explanation, "the request asks for acme/tool ^7") {
		t.Errorf("got %+v", p)
	}
}

func TestOddAnswersAreNoKind(t *testing.T) {
	t.Parallel()
	for title, answer := range map[string]http.HandlerFunc{
		"a page of something else": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, "<html>nothing here</html>")
		},
		"a success that is no JSON": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"a field of another type":   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"total":"many"}`) },
		"a 304 that nobody asked for": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotModified)
		},
		"a problem of an unknown code and status": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, `{"code":"teapot"}`)
		},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(answer)
			t.Cleanup(server.Close)
			c, err := client.New(server.URL, client.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Search(t.Context(), index.Query{}); err == nil || !strings.HasPrefix(kinds(err), "no kind") {
				t.Errorf("got %v, expected an error of no kind", err)
			}
		})
	}
}

func TestAnUnchangedAnswerIsNotSentAgain_C6(t *testing.T) {
	t.Parallel()
	var sent []int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"7"`)
		if r.Header.Get("If-None-Match") == `"7"` {
			sent = append(sent, http.StatusNotModified)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent = append(sent, http.StatusOK)
		json.NewEncoder(w).Encode(index.Summary{Plugins: 412, Hosts: []index.HostNamed{}})
	}))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, client.Options{Token: "secret", UserAgent: "host/1"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		sum, err := c.Catalog(t.Context())
		if err != nil || sum.Plugins != 412 {
			t.Fatalf("got %+v, %v", sum, err)
		}
		sum.Plugins = 0 // an answer belongs to its caller
	}
	if diff := cmp.Diff([]int{200, 304, 304}, sent); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestPluginsWalksEveryPage_C4(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	want := []string{"acme/aa", "acme/bb", "acme/cc", "acme/dd", "acme/ee"}
	for _, id := range want {
		s.publish(t, id, "1.0.0", release{})
	}
	var got []string
	for row, err := range s.client(t).Plugins(t.Context(), index.Query{Sort: "name", Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, err := range s.client(t).Plugins(t.Context(), index.Query{Sort: "nonsense"}) {
		if !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	}
}

func TestServersAreReadWithCare(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"127.0.0.1:7117":               "",
		"localhost:7117":               "",
		"[::1]:7117":                   "",
		"https://plugins.example.org/": "",
		"plugins.example.org":          "",
		"http://plugins.example.org":   "invalid",
		"http://127.0.0.1.example.org": "invalid",
		"ftp://plugins.example.org":    "invalid",
		"https://user:pw@example.org":  "invalid",
		"":                             "invalid",
		"https://":                     "invalid",
	} {
		_, err := client.New(server, client.Options{})
		if (err == nil) != (want == "") || err != nil && kinds(err) != want {
			t.Errorf("%q: got %v, expected %q", server, err, want)
		}
	}
}
