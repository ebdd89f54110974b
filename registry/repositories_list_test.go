package registry_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/artifacttest"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/remote"

	"context"

	"oras.land/oras-go/v2/registry/remote/auth"
)

// TestRepositoriesAreListed_H3: mirrors ask for the names, page by page.
func TestRepositoriesAreListed_H3(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.InMemory())
	o := remote.Options{Credential: func(context.Context, string) (auth.Credential, error) { return auth.EmptyCredential, nil }}
	want := []string{"a1-b/hello", "a1/hello", "a1/hello-2", "zz/hello"}
	for _, id := range want {
		store, root := artifacttest.Version{ID: id, Files: map[string]string{"a": id}}.Store(t)
		if err := remote.Push(t.Context(), store, root, s.Host+"/"+id+":1.0.0", o); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(path string) (names []string, link string) {
		t.Helper()
		resp, err := web.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		var body struct{ Repositories []string }
		if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(raw, &body) != nil {
			t.Fatalf("%s: %s, %s, %v", path, resp.Status, raw, err)
		}
		return body.Repositories, resp.Header.Get("Link")
	}
	if got, link := ask("/v2/_catalog"); !slices.Equal(got, want) || link != "" {
		t.Errorf("%v, link %q", got, link)
	}
	var got []string
	for path := "/v2/_catalog?n=3"; path != ""; {
		names, link := ask(path)
		got = append(got, names...)
		path, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
	}
	if !slices.Equal(got, want) {
		t.Errorf("by pages: %v", got)
	}
	if got, link := ask("/v2/_catalog?n=0"); len(got) != 0 || link != "" {
		t.Errorf("none: %v, link %q", got, link)
	}
	resp, err := web.Post(s.URL+"/v2/_catalog", "", nil)
	if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("%v, %v", resp, err)
	}
	_ = resp.Body.Close()
}

// TestRepositoriesAreListedToThoseWhoMay_B5: the admitter is asked.
func TestRepositoriesAreListedToThoseWhoMay_B5(t *testing.T) {
	t.Parallel()
	var asked []registry.Access
	s := registrytest.New(t, registrytest.InMemory(), registrytest.With(func(o *registrytest.Options) {
		o.Admitter = admitFunc(func(a registry.Access) error { asked = append(asked, a); return artifact.ErrDenied })
	}))
	resp, err := web.Get(s.URL + "/v2/_catalog")
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Fatalf("%v, %v", resp, err)
	}
	_ = resp.Body.Close()
	if len(asked) != 1 || asked[0].Action != registry.List || asked[0].Repository != "" {
		t.Errorf("asked %+v", asked)
	}
}

type admitFunc func(registry.Access) error

func (f admitFunc) Admit(_ context.Context, a registry.Access) error { return f(a) }
