package registry_test

import (
	"net/http"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// A version tag never moves, so what nobody could use must not take one. Each
// row changes one thing of a good version; the refusal names it, nothing is
// stored under the tag, and the good version then takes the same number.
func TestAVersionThatNobodyCanUseTakesNoNumber_A1(t *testing.T) {
	t.Parallel()
	const repo = "acme/hello"
	annotate := func(key, value string) func(*ocispec.Manifest) {
		return func(m *ocispec.Manifest) { m.Annotations[key] = value }
	}
	titled := func(titles ...string) func(*ocispec.Manifest) {
		return func(m *ocispec.Manifest) {
			for i, title := range titles {
				if i == len(m.Layers) {
					m.Layers = append(m.Layers, m.Layers[0])
				}
				m.Layers[i].Annotations = map[string]string{ocispec.AnnotationTitle: title}
			}
		}
	}
	layer := func(change func(*ocispec.Descriptor)) func(*ocispec.Manifest) {
		return func(m *ocispec.Manifest) { change(&m.Layers[0]) }
	}
	for says, k := range map[string]struct {
		change func(*ocispec.Manifest)
		want   string
	}{
		"a layer one byte too long":        {layer(func(d *ocispec.Descriptor) { d.Size++ }), "says 6 bytes, it has 5"},
		"a layer one byte too short":       {layer(func(d *ocispec.Descriptor) { d.Size-- }), "says 4 bytes, it has 5"},
		"a config of another size":         {func(m *ocispec.Manifest) { m.Config.Size = 3 }, "says 3 bytes, it has 2"},
		"a title outside the directory":    {titled("../../x"), `title "../../x"`},
		"an absolute title":                {titled("/etc/x"), `title "/etc/x"`},
		"a title that Windows cannot have": {titled("aux.js"), "name of a device"},
		"a title with a stream of NTFS":    {titled("a.wasm:evil"), "cannot be in a file name on Windows"},
		"a title with a line break":        {titled("a\nb"), "U+000A"},
		"two layers of one title":          {titled("x", "x"), "is there twice"},
		"two titles that differ by case":   {titled("straße", "STRASSE"), "same name"},
		"a file where a directory must be": {titled("x", "x/y"), "nothing may lie below it"},
		"a layer without title":            {layer(func(d *ocispec.Descriptor) { d.Annotations = nil }), "no title"},
		"a compression that is not known": {layer(func(d *ocispec.Descriptor) {
			d.Annotations, d.MediaType = nil, "application/vnd.oci.image.layer.v1.tar+zstd"
		}), "tar+zstd"},
		"a layer from elsewhere":            {layer(func(d *ocispec.Descriptor) { d.MediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar" }), "fetched from elsewhere"},
		"data that is not the blob's":       {layer(func(d *ocispec.Descriptor) { d.Data = []byte("other") }), "data has digest"},
		"data of another length":            {layer(func(d *ocispec.Descriptor) { d.Data = []byte("more bytes") }), "data has 10 bytes"},
		"a licence that is none":            {annotate(ocispec.AnnotationLicenses, "do what you like"), "SPDX"},
		"a key that is not known":           {annotate("dev.oarlock.plugin.engines.acme-host", ">=1"), "dev.oarlock.plugin.engines.acme-host"},
		"a key in other case":               {annotate("Dev.Oarlock.plugin.tier", "x"), "Dev.Oarlock.plugin.tier"},
		"a dependency on itself":            {annotate("dev.oarlock.plugin.requires.acme.hello", "*"), "depends on itself"},
		"a range that nothing satisfies":    {annotate("dev.oarlock.plugin.engine.acme-host", "<1 >2"), "no version satisfies"},
		"a title that drives a terminal":    {annotate(ocispec.AnnotationTitle, "x\x1b[2J"), "U+001B"},
		"a title of two lines":              {annotate(ocispec.AnnotationTitle, "x\ny"), "one line"},
		"a vendor that is written backward": {annotate(ocispec.AnnotationVendor, "\u202egro.live"), "U+202E"},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, registrytest.New(t, registrytest.InMemory()))
			c.blob(repo, emptyConfig)
			good := func() ocispec.Manifest {
				m := plugin(repo, "1.0.0", "")
				m.Layers = []ocispec.Descriptor{c.blob(repo, []byte("layer"))}
				return m
			}
			bad := good()
			k.change(&bad)
			a, _ := c.put(repo, "1.0.0", bad)
			if text := c.refused(a, http.StatusBadRequest, "MANIFEST_INVALID"); !strings.Contains(text, k.want) {
				t.Errorf("the refusal %q does not say %q", text, k.want)
			}
			c.want(c.get(repo, "manifests", "1.0.0"), http.StatusNotFound)
			c.pushed(repo, "1.0.0", good())
		})
	}
}

// The same holds for what only a child of an image index says.
func TestAChildThatNobodyCanUseTakesNoNumber_A3(t *testing.T) {
	t.Parallel()
	const repo = "acme/hello"
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	child := func(change func(*ocispec.Manifest)) ocispec.Descriptor {
		m := plugin(repo, "1.0.0", "")
		m.Layers = []ocispec.Descriptor{c.blob(repo, []byte("layer"))}
		change(&m)
		return c.pushed(repo, "", m)
	}
	for says, k := range map[string]struct {
		second ocispec.Descriptor
		want   string
	}{
		"a layer without title": {child(func(m *ocispec.Manifest) { m.Layers[0].Annotations = nil }), "manifests[1] layers[0]"},
		"a key that is not known": {child(func(m *ocispec.Manifest) {
			m.Annotations["dev.oarlock.plugin.permission"] = "net"
		}), "manifests[1] dev.oarlock.plugin.permission"},
	} {
		first := child(func(*ocispec.Manifest) {})
		first.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
		k.second.Platform = &ocispec.Platform{OS: "linux", Architecture: "arm64"}
		a, _ := c.put(repo, "1.0.0", index(func(x *ocispec.Index) { x.ArtifactType = artifact.TypePlugin }, first, k.second))
		if text := c.refused(a, http.StatusBadRequest, "MANIFEST_INVALID"); !strings.Contains(text, k.want) {
			t.Errorf("%s: the refusal %q does not say %q", says, text, k.want)
		}
	}
}

// A manifest that is no version is held to its sizes as well, and bytes that
// are not UTF-8 are no JSON.
func TestAnyManifestIsHeldToItsSizes(t *testing.T) {
	t.Parallel()
	c := newClient(t, registrytest.New(t, registrytest.InMemory()))
	c.blob("acme/hello", emptyConfig)
	d := c.blob("acme/hello", []byte("layer"))
	d.Size = 0
	a, _ := c.put("acme/hello", "", image(nil, d))
	c.want(a, http.StatusBadRequest)
	empty := c.blob("acme/hello", nil)
	empty.Size = 1
	a, _ = c.put("acme/hello", "", image(nil, empty))
	c.want(a, http.StatusBadRequest)
	c.want(c.get("acme/hello", "blobs", empty.Digest.String()), http.StatusOK)
	a, _ = c.put("acme/hello", "", []byte("{\"schemaVersion\":2,\"mediaType\":\""+ocispec.MediaTypeImageManifest+"\",\"x\":\"\xff\"}"))
	if text := c.refused(a, http.StatusBadRequest, "MANIFEST_INVALID"); !strings.Contains(text, "UTF-8") {
		t.Errorf("the refusal %q does not say UTF-8", text)
	}
}
