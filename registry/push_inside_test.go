package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// Proves B4: what is pushed from inside passes the gate that a request passes,
// and comes back with the kind of the refusal.
func TestAPushFromInsidePassesTheSameGate_B4(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.InMemory(), registrytest.With(func(o *registrytest.Options) {
		o.Admitter = admitFunc(func(a registry.Access) error {
			if a.Repository == "acme/closed" && a.Action == registry.Push {
				return &registry.Challenge{Header: "Bearer", Message: "log in"}
			}
			return nil
		})
	}))
	c, ctx := newClient(t, s), t.Context()
	push := func(ctx context.Context, repo, reference string, m ocispec.Manifest) error {
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Push(ctx, repo, reference, ocispec.MediaTypeImageManifest, raw)
		return err
	}
	for _, repo := range []string{"acme/hello", "oarlock/catalog"} {
		if _, err := s.PushBlob(registry.AsProcess(ctx), repo, emptyConfig); err != nil {
			t.Fatal(err)
		}
	}
	if err := push(ctx, "acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", "")); err != nil {
		t.Fatal(err)
	}
	c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
	if err := push(registry.AsProcess(ctx), "oarlock/catalog", "latest", image(nil)); err != nil {
		t.Errorf("the process: %v", err)
	}
	other := plugin("acme/hello", "1.0.0", "")
	other.Annotations["org.opencontainers.image.vendor"] = "another"
	for says, row := range map[string]struct {
		repo, reference string
		m               ocispec.Manifest
		want            error
	}{
		"a version that is taken":   {"acme/hello", "1.0.0", other, artifact.ErrConflict},
		"what is no plugin":         {"acme/hello", "2.0.0", image(nil), artifact.ErrInvalid},
		"no tag":                    {"acme/hello", "-x", image(nil), artifact.ErrInvalid},
		"no repository":             {"Acme", "1.0.0", image(nil), artifact.ErrInvalid},
		"the registry's own names":  {"oarlock/catalog", "latest", image(nil), artifact.ErrDenied},
		"who has to log in":         {"acme/closed", "1.0.0", plugin("acme/closed", "1.0.0", ""), artifact.ErrDenied},
		"a channel, also for it":    {"acme/hello", "stable", image(nil), artifact.ErrDenied},
		"another digest than bytes": {"acme/hello", "sha256:" + "ab0000000000000000000000000000000000000000000000000000000000cdef", image(nil), artifact.ErrInvalid},
	} {
		if err := push(ctx, row.repo, row.reference, row.m); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", says, err, row.want)
		}
	}
	if _, err := s.PushBlob(ctx, "acme/closed", emptyConfig); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("a blob of who has to log in: %v", err)
	}
	if err := push(registry.AsProcess(ctx), "acme/hello", "1.0.0", other); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("the process, a version that is taken: %v", err)
	}
}

// Proves C7: a tag is replaced only where it still means what whoever replaces it
// saw, and of two that saw the same one wins.
func TestATagIsReplacedWhereItStillMeansWhatWasSeen_C7(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.InMemory())
	ctx := registry.AsProcess(t.Context())
	if _, err := s.PushBlob(ctx, "oarlock/catalog", emptyConfig); err != nil {
		t.Fatal(err)
	}
	replace := func(mark string, was digest.Digest) (digest.Digest, error) {
		m := image(nil)
		m.Annotations = map[string]string{"mark": mark}
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return s.Replace(ctx, "oarlock/catalog", "latest", ocispec.MediaTypeImageManifest, raw, was)
	}
	missing := digest.FromString("never")
	if _, err := replace("first", missing); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("of what is not there: %v", err)
	}
	first, err := replace("first", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replace("other", ""); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("as if nothing was there: %v", err)
	}
	second, err := replace("second", first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replace("late", first); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("of what was there before: %v", err)
	}
	if at, err := s.Storage.Resolve(ctx, "oarlock/catalog", "latest"); at != second || err != nil {
		t.Errorf("the tag means %s, %v, expected %s", at, err, second)
	}
	if _, err := s.Replace(ctx, "oarlock/catalog", first.String(), ocispec.MediaTypeImageManifest, nil, ""); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("a digest in the place of a tag: %v", err)
	}
}
