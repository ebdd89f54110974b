package gc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/gc"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// client speaks the distribution API, in process.
type client struct {
	t  testing.TB
	do func(*http.Request) (*http.Response, error)
}

func newClient(t testing.TB, reg *registry.Registry) *client {
	return &client{t, (&http.Client{Transport: reg.Transport()}).Do}
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *client) send(method, path string, body []byte, contentType string) answer {
	req, err := http.NewRequest(method, "http://registry.test"+path, bytes.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return answer{}
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.do(req)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
		return answer{}
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, content}
}

func (c *client) get(repo, kind, ref string) answer {
	return c.send("GET", "/v2/"+repo+"/"+kind+"/"+ref, nil, "")
}

func (c *client) want(a answer, status int) answer {
	c.t.Helper()
	if a.status != status {
		c.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

func (c *client) blob(repo, content string) ocispec.Descriptor {
	c.t.Helper()
	d := digest.FromString(content)
	c.want(c.send("POST", "/v2/"+repo+"/blobs/uploads/?digest="+d.String(), []byte(content), ""), http.StatusCreated)
	return ocispec.Descriptor{MediaType: "application/octet-stream", Digest: d, Size: int64(len(content)),
		Annotations: map[string]string{ocispec.AnnotationTitle: d.Encoded()[:12]}}
}

// put pushes a manifest or index under ref; "" means its digest.
func (c *client) put(repo, ref string, v any) (answer, ocispec.Descriptor) {
	content, err := json.Marshal(v)
	if err != nil {
		c.t.Fatal(err)
	}
	kind := ocispec.MediaTypeImageManifest
	if _, ok := v.(ocispec.Index); ok {
		kind = ocispec.MediaTypeImageIndex
	}
	d := digest.FromBytes(content)
	if ref == "" {
		ref = d.String()
	}
	return c.send("PUT", "/v2/"+repo+"/manifests/"+ref, content, kind), ocispec.Descriptor{MediaType: kind, Digest: d, Size: int64(len(content))}
}

// push is put that must succeed, after the config.
func (c *client) push(repo, ref string, v any) ocispec.Descriptor {
	c.t.Helper()
	c.blob(repo, "{}")
	a, d := c.put(repo, ref, v)
	c.want(a, http.StatusCreated)
	return d
}

func image(note string, subject digest.Digest, layers ...ocispec.Descriptor) ocispec.Manifest {
	m := ocispec.Manifest{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   ocispec.MediaTypeImageManifest,
		Config:      ocispec.DescriptorEmptyJSON,
		Layers:      append([]ocispec.Descriptor{}, layers...),
		Annotations: map[string]string{"note": note},
	}
	m.Config.Data = nil
	if subject != "" {
		m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: subject, Size: 2}
	}
	return m
}

func index(note string, children ...ocispec.Descriptor) ocispec.Index {
	return ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: children, Annotations: map[string]string{"note": note},
	}
}

// plugin is a version that the gate takes.
func plugin(repo, version string, layers ...ocispec.Descriptor) ocispec.Manifest {
	m := image("plugin", "", layers...)
	m.ArtifactType = artifact.TypePlugin
	m.Annotations = map[string]string{
		"dev.oarlock.plugin.id":               repo,
		"dev.oarlock.plugin.engine.acme-host": ">=1.0.0",
		ocispec.AnnotationVersion:             version,
	}
	return m
}

// site is a registry on disk, a client of it and its collector, whose clock
// the test moves.
type site struct {
	*client
	s     *registrytest.Server
	dir   string
	now   time.Time
	gc    *gc.Collector
	items []gc.Item
}

func newSite(t testing.TB) *site { return newSiteWith(t, time.Hour) }

func newSiteWith(t testing.TB, grace time.Duration) *site {
	x := &site{dir: t.TempDir(), now: time.Now()}
	x.s = registrytest.New(t, registrytest.Dir(x.dir), registrytest.Free("free"))
	x.client = newClient(t, x.s.Registry)
	x.gc = gc.New(x.s.Storage, x.s.Blocks, x.s, gc.Options{
		Grace: grace, Now: func() time.Time { return x.now }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Item: func(i gc.Item) { x.items = append(x.items, i) }, Memory: &gc.Memory{},
	})
	return x
}

// run collects at a time that is later than all before by so much.
func (x *site) run(later time.Duration, dry bool) gc.Report {
	x.t.Helper()
	x.now, x.items = x.now.Add(later), nil
	report, err := x.gc.Run(x.t.Context(), dry)
	if err != nil {
		x.t.Fatal(err)
	}
	return report
}

// stored says whether bytes are on the disk.
func (x *site) stored(d digest.Digest) bool {
	_, err := os.Stat(filepath.Join(x.dir, "docker/registry/v2/blobs/sha256", d.Encoded()[:2], d.Encoded(), "data"))
	return err == nil
}

func (x *site) reason(d digest.Digest) string {
	for _, i := range x.items {
		if i.Digest == d {
			return fmt.Sprintf("%s: %s", i.Decision, i.Reason)
		}
	}
	return "not told"
}
