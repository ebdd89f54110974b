// Package artifacttest makes plugin artifacts in code, for tests: versions as
// OCI manifests and indexes in a memory store, layers, plugin directories.
package artifacttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/errdef"
)

// A Version describes one plugin version to be made. The zero Version is
// acme/hello@1.0.0 with a config and one small layer.
type Version struct {
	ID      string            // "acme/hello"
	Version string            // "1.0.0"
	Fields  map[string]any    // more fields of the plugin manifest
	Engines map[string]string // host id → range

	// Platforms makes an image index with one manifest for each.
	Platforms []string
	// Bare leaves the config out: annotations alone say everything.
	Bare bool
	// Annotations are added to those that the manifest gives, over them.
	Annotations map[string]string
	// Files are those of the layer; nil is one named hello.txt.
	Files map[string]string
}

// Make puts v into store and returns the descriptor of its root.
func (v Version) Make(t testing.TB, store content.Pusher) ocispec.Descriptor {
	t.Helper()
	p := v.plugin(t)
	annotations := p.Annotations()
	maps.Copy(annotations, v.Annotations)
	layer := Put(t, store, artifact.TypeContent, Layer(t, v.Files))
	if len(v.Platforms) == 0 {
		return v.manifest(t, store, p, annotations, layer)
	}
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, ArtifactType: artifact.TypePlugin, Annotations: annotations}
	index.SchemaVersion = 2
	for _, s := range v.Platforms {
		platform, err := artifact.ParsePlatform(s)
		if err != nil {
			t.Fatal(err)
		}
		p.Platforms = []artifact.Platform{platform}
		child := v.manifest(t, store, p, annotations, layer, Put(t, store, "text/plain", []byte(s), ocispec.AnnotationTitle, "platform.txt"))
		child.Platform = platform.OCI()
		index.Manifests = append(index.Manifests, child)
	}
	return PutJSON(t, store, index.MediaType, index)
}

// Store is Make into a store of its own.
func (v Version) Store(t testing.TB) (*memory.Store, ocispec.Descriptor) {
	t.Helper()
	store := memory.New()
	return store, v.Make(t, store)
}

func (v Version) plugin(t testing.TB) *artifact.Plugin {
	t.Helper()
	doc := map[string]any{"id": "acme/hello", "version": "1.0.0"}
	maps.Copy(doc, v.Fields)
	if v.ID != "" {
		doc["id"] = v.ID
	}
	if v.Version != "" {
		doc["version"] = v.Version
	}
	if v.Engines != nil {
		doc["engines"] = v.Engines
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	p, err := artifact.ParsePlugin(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (v Version) manifest(t testing.TB, store content.Pusher, p *artifact.Plugin, annotations map[string]string, layers ...ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifact.TypePlugin, Layers: layers, Annotations: annotations}
	m.SchemaVersion = 2
	if v.Bare {
		m.Config = Put(t, store, ocispec.MediaTypeEmptyJSON, []byte("{}"))
	} else {
		m.Config = PutJSON(t, store, artifact.TypeConfig, p)
	}
	d := PutJSON(t, store, m.MediaType, m)
	d.ArtifactType = artifact.TypePlugin
	return d
}

// Put puts a blob with annotations in pairs of key and value; one that is
// there already is fine.
func Put(t testing.TB, store content.Pusher, mediaType string, raw []byte, annotations ...string) ocispec.Descriptor {
	t.Helper()
	d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	if err := store.Push(context.Background(), d, bytes.NewReader(raw)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(annotations); i += 2 {
		if d.Annotations == nil {
			d.Annotations = map[string]string{}
		}
		d.Annotations[annotations[i]] = annotations[i+1]
	}
	return d
}

// PutJSON puts v as JSON.
func PutJSON(t testing.TB, store content.Pusher, mediaType string, v any) ocispec.Descriptor {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return Put(t, store, mediaType, raw)
}

// Layer is the content layer that package pack makes of files, which must not
// name a platforms directory; nil is one file named hello.txt.
func Layer(t testing.TB, files map[string]string) []byte {
	t.Helper()
	if files == nil {
		files = map[string]string{"hello.txt": "hello\n"}
	}
	all := maps.Clone(files)
	if _, ok := all[pack.ManifestFile]; !ok {
		all[pack.ManifestFile] = `{"id":"acme/hello","version":"1.0.0"}`
	}
	r, err := pack.Dir(context.Background(), Dir(t, all), pack.Options{Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range r.Blobs {
		if d.MediaType == artifact.TypeContent {
			raw, err := content.FetchAll(context.Background(), r.Store, d)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
	}
	t.Fatal("no layer was packed")
	return nil
}

// Dir writes files, whose names have forward slashes, into a new directory.
// A text that begins with "#!" becomes executable.
func Dir(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
