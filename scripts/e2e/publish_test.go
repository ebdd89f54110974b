//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	pluginType = "application/vnd.oarlock.plugin.v1"
	configType = "application/vnd.oarlock.plugin.config.v1+json"
)

// says returns the annotations that alone make a valid plugin version.
func says(id, version string) map[string]string {
	return map[string]string{
		"dev.oarlock.plugin.id":                 id,
		"dev.oarlock.plugin.engine.acme-editor": ">=2.0.0 <3.0.0",
		"org.opencontainers.image.version":      version,
		"org.opencontainers.image.title":        "Hello",
		"org.opencontainers.image.licenses":     "MIT",
		"org.opencontainers.image.created":      "2026-01-02T15:04:05Z",
	}
}

// but returns the annotations with one of them changed.
func but(annotations map[string]string, key, value string) map[string]string {
	annotations[key] = value
	return annotations
}

// push is the oras command line that pushes hello.txt with annotations alone.
func push(ref string, annotations map[string]string) []string {
	args := []string{"push", "--plain-http", ref, "--artifact-type", pluginType}
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		args = append(args, "--annotation", key+"="+annotations[key])
	}
	return append(args, "hello.txt:text/plain")
}

// resolve returns the digest that a tag of the server points at.
func (c *client) resolve(s *server, ref string) string {
	c.t.Helper()
	return strings.TrimSpace(c.run("oras", "resolve", "--plain-http", s.ref(ref)))
}

func TestOrasPushWithAnnotationsAloneIsListed_A1_C2(t *testing.T) {
	t.Parallel()
	s, c := serve(t, "--dev"), newClient(t)
	c.write("hello.txt", "hello\n")
	c.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)

	want := plugin{
		ID: "acme/hello", Name: "Hello", Version: "1.0.0", Digest: c.resolve(s, "acme/hello:1.0.0"),
		License: "MIT", Engines: map[string]string{"acme-editor": ">=2.0.0 <3.0.0"},
	}
	if diff := cmp.Diff(want, s.listed(t, "acme/hello", "1.0.0")); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	if got := s.plugins(t, "host=acme-editor&host_version=2.4"); len(got) != 1 {
		t.Errorf("a host inside the range is offered %+v, want the plugin", got)
	}
	if got := s.plugins(t, "host=acme-editor&host_version=3.0"); len(got) != 0 {
		t.Errorf("a host outside the range is offered %+v, want nothing", got)
	}
}

func TestOrasPushWithConfigIsListed_A1(t *testing.T) {
	t.Parallel()
	s, c := serve(t, "--dev"), newClient(t)
	c.write("hello.txt", "hello\n")
	c.write("config.json", `{"id":"acme/typed","version":"2.1.0","name":"Typed","engines":{"acme-editor":"^2"}}`)
	c.run("oras", "push", "--plain-http", s.ref("acme/typed:2.1.0"), "--artifact-type", pluginType,
		"--config", "config.json:"+configType, "hello.txt:text/plain")
	if got := s.listed(t, "acme/typed", "2.1.0"); got.Name != "Typed" || got.Digest != c.resolve(s, "acme/typed:2.1.0") {
		t.Errorf("row is %+v, want the config's name and the pushed digest", got)
	}
}

func TestStockClientsPullByDigest_B1(t *testing.T) {
	t.Parallel()
	s, c := serve(t, "--dev"), newClient(t)
	c.write("hello.txt", "hello by digest\n")
	c.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
	digest := c.resolve(s, "acme/hello:1.0.0")

	c.run("oras", "pull", "--plain-http", s.ref("acme/hello@"+digest), "-o", "out")
	if got := c.read("out/hello.txt"); got != "hello by digest\n" {
		t.Errorf("oras pulled %q", got)
	}
	var manifest struct {
		ArtifactType string
		Layers       []struct{ Digest string }
	}
	raw := c.run("crane", "manifest", "--insecure", s.ref("acme/hello@"+digest))
	if err := json.Unmarshal([]byte(raw), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.ArtifactType != pluginType || len(manifest.Layers) != 1 {
		t.Fatalf("crane reads the manifest %s", raw)
	}
	if got := c.run("crane", "blob", "--insecure", s.ref("acme/hello@"+manifest.Layers[0].Digest)); got != "hello by digest\n" {
		t.Errorf("crane pulled %q", got)
	}
	if got := strings.TrimSpace(c.run("crane", "digest", "--insecure", s.ref("acme/hello:1.0.0"))); got != digest {
		t.Errorf("crane digest says %q, oras %q", got, digest)
	}
}

func TestOrasDiscoverShowsWhatWasAttached_B1(t *testing.T) {
	t.Parallel()
	s, c := serve(t, "--dev"), newClient(t)
	c.write("hello.txt", "hello\n")
	c.write("notes.md", "first\n")
	c.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
	subject := s.ref("acme/hello@" + c.resolve(s, "acme/hello:1.0.0"))
	c.run("oras", "attach", "--plain-http", subject, "--artifact-type", "application/vnd.acme.notes", "notes.md:text/markdown")
	for filter, want := range map[string]int{"application/vnd.acme.notes": 1, "application/vnd.acme.other": 0} {
		out := c.run("oras", "discover", "--plain-http", "--format", "json", "--artifact-type", filter, subject)
		if got := strings.Count(out, `"artifactType": "application/vnd.acme.notes"`); got != want {
			t.Errorf("discover of %s shows %d notes, want %d:\n%s", filter, got, want, out)
		}
	}
	if tags := c.run("oras", "repo", "tags", "--plain-http", s.ref("acme/hello")); strings.TrimSpace(tags) != "1.0.0" {
		t.Errorf("tags are %q: the referrers API should make a fallback tag needless", tags)
	}
}
