package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/artifacttest"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/remote"
)

func version(t testing.TB, id, text string) (*memory.Store, ocispec.Descriptor) {
	t.Helper()
	return artifacttest.Version{ID: id, Files: map[string]string{"hello.txt": text}}.Store(t)
}

var anonymous auth.CredentialFunc = func(context.Context, string) (auth.Credential, error) { return auth.EmptyCredential, nil }

func TestPushIsIdempotentAndVisible_B2(t *testing.T) {
	t.Parallel()
	server := registrytest.New(t, registrytest.InMemory())
	ref := server.Host + "/acme/hello:1.0.0"
	src, root := version(t, "acme/hello", "one")
	var mu sync.Mutex
	steps := map[remote.Step]int{}
	var sent int64
	o := remote.Options{Credential: anonymous, Progress: func(e remote.Event) {
		mu.Lock()
		defer mu.Unlock()
		steps[e.Step]++
		sent += e.Bytes
	}}
	if err := remote.Push(t.Context(), src, root, ref, o); err != nil {
		t.Fatal(err)
	}
	if steps[remote.Started] != 3 || steps[remote.Done] != 3 || sent < root.Size {
		t.Errorf("steps %v and %d bytes, expected config, layer and manifest", steps, sent)
	}
	if err := remote.Push(t.Context(), src, root, ref, o); err != nil {
		t.Errorf("the same push again: %v", err)
	}
	d, raw, err := remote.Fetch(t.Context(), ref, o)
	if err != nil || d.Digest != root.Digest || digest.FromBytes(raw) != root.Digest {
		t.Errorf("fetch gave %s, %v, expected %s", d.Digest, err, root.Digest)
	}
}

func TestRefusalsHaveTheirKindAndTheRegistrysWords_B2(t *testing.T) {
	t.Parallel()
	server := registrytest.New(t, registrytest.InMemory())
	o := remote.Options{Credential: anonymous}
	src, root := version(t, "acme/hello", "one")
	other, otherRoot := version(t, "acme/hello", "two")
	if err := remote.Push(t.Context(), src, root, server.Host+"/acme/hello:1.0.0", o); err != nil {
		t.Fatal(err)
	}
	push := func(tag string) error {
		return remote.Push(t.Context(), other, otherRoot, server.Host+"/acme/"+tag, o)
	}
	resolve := func(ref string) error {
		_, err := remote.Resolve(t.Context(), server.Host+ref, o)
		return err
	}
	for name, row := range map[string]struct {
		got  error
		want error
		says string
	}{
		"another content for a version that is there":            {push("hello:1.0.0"), artifact.ErrConflict, root.Digest.String()},
		"a version that is taken, with those that are free (D7)": {push("hello:1.0.0"), artifact.ErrConflict, "free are 1.0.1, 1.1.0, 2.0.0"},
		"a channel":                             {push("hello:stable"), artifact.ErrDenied, "stable"},
		"a tag of no known form":                {push("hello:Nightly"), artifact.ErrInvalid, "a tag is a SemVer version"},
		"a repository of another plugin":        {push("bonjour:1.0.0"), artifact.ErrInvalid, "acme/hello"},
		"a tag that is not there":               {resolve("/acme/hello:9.9.9"), artifact.ErrNotFound, "9.9.9"},
		"a reference that does not parse":       {resolve("/ACME/hello:1"), artifact.ErrInvalid, "ACME/hello"},
		"a push without tag":                    {push("hello"), artifact.ErrInvalid, "neither tag nor digest"},
		"a push to a digest that is another's":  {push("hello@" + root.Digest.String()), artifact.ErrInvalid, otherRoot.Digest.String()},
		"a resolve of nothing in particular":    {resolve("/acme/hello"), artifact.ErrInvalid, "neither tag nor digest"},
		"a push by digest leaves no tag behind": {errors.Join(push("hello@"+otherRoot.Digest.String()), resolve("/acme/hello:2.0.0")), artifact.ErrNotFound, "2.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !errors.Is(row.got, row.want) || !strings.Contains(row.got.Error(), row.says) {
				t.Errorf("error %v, expected %v with %q", row.got, row.want, row.says)
			}
		})
	}
}

func TestStatusesBecomeKinds(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		want   error
	}{
		"no login":             {http.StatusUnauthorized, artifact.ErrDenied},
		"no right":             {http.StatusForbidden, artifact.ErrDenied},
		"not there":            {http.StatusNotFound, artifact.ErrNotFound},
		"immutable":            {http.StatusConflict, artifact.ErrConflict},
		"not understood":       {http.StatusBadRequest, artifact.ErrInvalid},
		"too big":              {http.StatusRequestEntityTooLarge, artifact.ErrInvalid},
		"broken on their side": {http.StatusInternalServerError, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(row.status)
				fmt.Fprint(w, `{"errors":[{"code":"DENIED","message":"the reason in words","detail":{"tag":"1.0.0"}}]}`)
			}))
			defer server.Close()
			src, root := version(t, "acme/hello", "one")
			err := remote.Push(t.Context(), src, root, strings.TrimPrefix(server.URL, "http://")+"/acme/hello:1.0.0",
				remote.Options{Credential: anonymous, HTTPClient: server.Client()})
			refused, ok := errors.AsType[*remote.Error](err)
			if !ok || refused.Status != row.status || refused.Code != "DENIED" || !strings.Contains(err.Error(), "the reason in words") {
				t.Fatalf("error %v, expected the registry's words", err)
			}
			if row.want != nil && !errors.Is(err, row.want) || row.want == nil && errors.Unwrap(refused) != nil {
				t.Errorf("error %v, expected kind %v", err, row.want)
			}
		})
	}
}

// Cut at any request, the same push of several platforms finishes later, and
// the tag is the last to come: nobody sees half a version.
func TestACutPushIsFinishedByTheSamePush_B13(t *testing.T) {
	t.Parallel()
	server := registrytest.New(t, registrytest.InMemory())
	o := remote.Options{Credential: anonymous}
	whole := false
	for after := 0; !whole; after++ {
		if after > 100 {
			t.Fatal("no push came through uncut")
		}
		id := fmt.Sprintf("acme/hello-%d", after)
		ref := server.Host + "/" + id + ":1.0.0"
		src, root := artifacttest.Version{ID: id, Platforms: []string{"linux/amd64", "darwin/arm64"}}.Store(t)
		cut := remote.Options{Credential: anonymous, HTTPClient: &http.Client{Transport: &cutAfter{left: after}}}
		if err := remote.Push(t.Context(), src, root, ref, cut); err != nil {
			if _, err := remote.Resolve(t.Context(), ref, o); !errors.Is(err, artifact.ErrNotFound) {
				t.Errorf("cut after %d requests: the tag is there: %v", after, err)
			}
		} else {
			whole = true
		}
		if err := remote.Push(t.Context(), src, root, ref, o); err != nil {
			t.Errorf("again, after a cut at %d requests: %v", after, err)
		}
		if d, err := remote.Resolve(t.Context(), ref, o); err != nil || d.Digest != root.Digest {
			t.Errorf("after a cut at %d requests: %s, %v", after, d.Digest, err)
		}
	}
}

// cutAfter lets some requests pass and breaks every later one.
type cutAfter struct {
	mu   sync.Mutex
	left int
}

func (c *cutAfter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.left--
	cut := c.left < 0
	c.mu.Unlock()
	if cut {
		return nil, errors.New("cut")
	}
	return web.Transport.RoundTrip(r)
}
