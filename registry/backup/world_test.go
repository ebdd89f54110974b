package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/artifacttest"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/remote"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// site is a registry that a test pushes to and backs up.
type site struct {
	*registrytest.Server
	t testing.TB
}

func newSite(t testing.TB, o ...registrytest.Option) site {
	return site{registrytest.New(t, append(o, registrytest.Free("free"))...), t}
}

// publish pushes a version and gives its digest.
func (s site) publish(v artifacttest.Version) digest.Digest {
	s.t.Helper()
	store, root := v.Store(s.t)
	tag := "1.0.0"
	if v.Version != "" {
		tag = v.Version
	}
	anonymous := func(context.Context, string) (auth.Credential, error) { return auth.EmptyCredential, nil }
	if err := remote.Push(context.Background(), store, root, s.Host+"/"+v.ID+":"+tag, remote.Options{Credential: anonymous}); err != nil {
		s.t.Fatal(err)
	}
	return root.Digest
}

func (s site) send(method, path, mediaType string, body []byte) *http.Response {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL+"/v2/"+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	resp, err := web.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp
}

func (s site) blob(repo string, content []byte) ocispec.Descriptor {
	s.t.Helper()
	d := ocispec.Descriptor{MediaType: "text/plain", Digest: digest.FromBytes(content), Size: int64(len(content))}
	if resp := s.send(http.MethodPost, repo+"/blobs/uploads/?digest="+d.Digest.String(), "application/octet-stream", content); resp.StatusCode == http.StatusAccepted {
		at := resp.Header.Get("Location")
		req, _ := http.NewRequest(http.MethodPut, s.URL+at+"&digest="+d.Digest.String(), bytes.NewReader(content))
		if at[0] != '/' {
			req, _ = http.NewRequest(http.MethodPut, at+"&digest="+d.Digest.String(), bytes.NewReader(content))
		}
		resp, err := web.Do(req)
		if err != nil || resp.StatusCode != http.StatusCreated {
			s.t.Fatalf("blob: %v, %v", resp, err)
		}
		_ = resp.Body.Close()
	} else if resp.StatusCode != http.StatusCreated {
		s.t.Fatalf("blob: %s", resp.Status)
	}
	return d
}

// note pushes an artifact that says text, about subject or nothing, under ref
// or its digest.
func (s site) note(repo, ref, text string, subject digest.Digest) digest.Digest {
	s.t.Helper()
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/vnd.example.note",
		Config: s.blob(repo, []byte("{}")), Layers: []ocispec.Descriptor{s.blob(repo, []byte(text))}}
	m.Config.MediaType = ocispec.MediaTypeEmptyJSON
	if subject != "" {
		m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: subject, Size: 1}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	d := digest.FromBytes(raw)
	if ref == "" {
		ref = d.String()
	}
	if resp := s.send(http.MethodPut, repo+"/manifests/"+ref, m.MediaType, raw); resp.StatusCode != http.StatusCreated {
		s.t.Fatalf("manifest %s:%s: %s", repo, ref, resp.Status)
	}
	return d
}

// fill makes one of everything.
func (s site) fill() digest.Digest {
	hello := s.publish(artifacttest.Version{ID: "acme/hello"})
	s.publish(artifacttest.Version{ID: "acme/native", Platforms: []string{"linux/amd64", "linux/arm64"}})
	s.note("acme/hello", "", "a review", hello)
	s.note("acme/hello", artifact.DigestTag(hello, "sig"), "a signature", "")
	s.note("free/deep/er", "", "untagged", "")
	s.note("free/deep/er", "moving", "first", "")
	s.note("free/deep/er", "moving", "second", "")
	s.blob("free/blobs", []byte("a blob without manifest"))
	return hello
}

// besides are the options by which a backup reads beside a server.
func besides(o *registrytest.Options) {
	quietly(o)
	o.ReadOnly, o.Replicated, o.CacheBytes = true, true, -1
}

func quietly(o *registrytest.Options) { o.Logger = slog.New(slog.DiscardHandler) }

// beside opens the site as a backup does: beside it.
func beside(t testing.TB, dir string) *registrytest.Opened {
	t.Helper()
	g, err := registrytest.Open(t.Context(), registrytest.Dir(dir), besides)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// backUp makes one backup of g into the vault at dir.
func backUp(ctx context.Context, dir string, g *registrytest.Opened) (id string, m *Manifest, p Progress, err error) {
	v, err := Create(dir)
	if err != nil {
		return "", nil, p, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	w, err := v.Begin(Options{Oarlock: "test"})
	if err != nil {
		return "", nil, p, err
	}
	if err := w.Registry(ctx, g.Storage, g.Blocks); err != nil {
		return "", nil, p, err
	}
	id, err = w.Commit()
	return id, w.Manifest(), w.Progress(), err
}

// restore fills a new registry from the backup id and gives its directory.
func restore(t testing.TB, vault, id, dir string) (*registrytest.Opened, []Damage) {
	t.Helper()
	v, err := Open(vault)
	if err != nil {
		t.Fatal(err)
	}
	m, err := v.Load(id)
	if err != nil {
		t.Fatal(err)
	}
	g, err := registrytest.Open(t.Context(), registrytest.Dir(dir), quietly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(g.Close(), v.Close()); err != nil {
			t.Error(err)
		}
	})
	damage, err := v.Restore(t.Context(), m, NewIntake(g.Storage, g.Blocks), nil)
	if err != nil {
		t.Fatal(err)
	}
	return g, damage
}

// world is all that a registry answers, as lines.
func world(t testing.TB, g *storage.Storage) map[string]string {
	t.Helper()
	ctx := t.Context()
	out := map[string]string{}
	err := g.Repositories(ctx, func(repo string) error {
		out[repo] = "repository"
		if err := g.Tags(ctx, repo, func(tag string, d digest.Digest) error {
			out[repo+":"+tag] = d.String()
			return nil
		}); err != nil {
			return err
		}
		return NewDump(g).Links(ctx, repo, func(l storage.Link) {
			key := fmt.Sprintf("%s %s %s", repo, l.Kind, l.Digest)
			if l.Kind == driver.BlobLink {
				content, err := g.Blob(ctx, repo, l.Digest, 1<<30)
				out[key] = fmt.Sprintf("%s %d bytes %v", l.Target, len(content), err)
				return
			}
			mediaType, content, err := g.Manifest(ctx, repo, l.Digest)
			referrers, bad := g.Referrers(ctx, repo, l.Digest)
			out[key] = fmt.Sprintf("%s %s %d bytes %v, referrers %v %v", l.Target, mediaType, len(content), err, referrers, bad)
		}, func(d driver.Damage) { out["damage "+d.Path] = d.What })
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameWorld(t testing.TB, what string, want, got map[string]string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, d)
	}
}
