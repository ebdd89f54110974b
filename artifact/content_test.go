package artifact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// blobs is a registry of bytes by digest.
type blobs map[digest.Digest][]byte

func (b blobs) put(t testing.TB, mediaType string, v any) ocispec.Descriptor {
	t.Helper()
	raw, ok := v.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	b[d.Digest] = raw
	return d
}

func (b blobs) fetch(_ context.Context, d ocispec.Descriptor) ([]byte, error) {
	raw, ok := b[d.Digest]
	if !ok {
		return nil, artifact.ErrNotFound
	}
	return raw, nil
}

// manifest adds a plugin manifest whose config is given as JSON text.
func (b blobs) manifest(t testing.TB, config string, annotations map[string]string) ocispec.Descriptor {
	t.Helper()
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifact.TypePlugin, Annotations: annotations}
	m.SchemaVersion = 2
	m.Config = ocispec.DescriptorEmptyJSON
	if config != "" {
		m.Config = b.put(t, artifact.TypeConfig, []byte(config))
	}
	m.Layers = []ocispec.Descriptor{b.put(t, "text/plain", []byte("hello"))}
	return b.put(t, m.MediaType, m)
}

func (b blobs) index(t testing.TB, annotations map[string]string, children ...ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	m := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, ArtifactType: artifact.TypePlugin, Manifests: children, Annotations: annotations}
	m.SchemaVersion = 2
	return b.put(t, m.MediaType, m)
}

func on(d ocispec.Descriptor, platform string) ocispec.Descriptor {
	os, arch, _ := strings.Cut(platform, "/")
	d.Platform = &ocispec.Platform{OS: os, Architecture: arch}
	return d
}

func said(more ...string) map[string]string {
	a := map[string]string{artifact.KeyID: "acme/hello", ocispec.AnnotationVersion: "1.0.0"}
	for i := 0; i+1 < len(more); i += 2 {
		a[more[i]] = more[i+1]
	}
	return a
}

const config = `{"id":"acme/hello","version":"1.0.0","engines":{"acme":">=1"},"license":"MIT","keywords":["a","b"]}`

func TestContentIsRead_A1_A3(t *testing.T) {
	t.Parallel()
	b := blobs{}
	child := b.manifest(t, config, nil)
	for name, row := range map[string]struct {
		root ocispec.Descriptor
		want string
	}{
		"a config alone":                     {child, "acme/hello@1.0.0 MIT 1 builds"},
		"annotations alone":                  {b.manifest(t, "", said(ocispec.AnnotationLicenses, "MIT")), "acme/hello@1.0.0 MIT 1 builds"},
		"annotations fill what config omits": {b.manifest(t, `{"id":"acme/hello","version":"1.0.0"}`, said(ocispec.AnnotationLicenses, "MIT")), "acme/hello@1.0.0 MIT 1 builds"},
		"config and annotations that agree":  {b.manifest(t, config, said(artifact.KeyEngine+"acme", ">=1", artifact.KeyKeywords, "b, a")), "acme/hello@1.0.0 MIT 1 builds"},
		"one manifest for two platforms":     {b.manifest(t, `{"id":"acme/hello","version":"1.0.0","license":"MIT","platforms":["linux/amd64","darwin/arm64"]}`, nil), "acme/hello@1.0.0 MIT 2 builds"},
		"an index of two platforms":          {b.index(t, said(), on(child, "linux/amd64"), on(b.manifest(t, config, said()), "linux/arm64")), "acme/hello@1.0.0 MIT 2 builds"},
		"an index without annotations":       {b.index(t, nil, on(child, "linux/amd64")), "acme/hello@1.0.0 MIT 1 builds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := artifact.ReadContent(t.Context(), row.root.MediaType, b[row.root.Digest], b.fetch)
			if err != nil {
				t.Fatal(err)
			}
			got := c.Plugin.ID.String() + "@" + c.Plugin.Version.String() + " " + c.Plugin.License + " " + string(rune('0'+len(c.Builds))) + " builds"
			if got != row.want || c.Size <= row.root.Size {
				t.Errorf("%s of %d bytes, expected %s", got, c.Size, row.want)
			}
		})
	}
}

func TestBadContentIsRefusedWithItsPlace_A1(t *testing.T) {
	t.Parallel()
	b := blobs{}
	child := b.manifest(t, config, nil)
	other := b.manifest(t, `{"id":"acme/hello","version":"2.0.0"}`, nil)
	foreign := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/x", Config: ocispec.DescriptorEmptyJSON}
	foreign.SchemaVersion = 2
	huge := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifact.TypePlugin,
		Config: ocispec.Descriptor{MediaType: artifact.TypeConfig, Digest: child.Digest, Size: artifact.MaxConfig + 1}}
	huge.SchemaVersion = 2
	many := make([]ocispec.Descriptor, artifact.MaxBuilds+1)
	for i := range many {
		many[i] = on(child, "linux/amd64")
	}
	for name, row := range map[string]struct {
		root ocispec.Descriptor
		want string
	}{
		"another artifactType":               {b.put(t, foreign.MediaType, foreign), `artifactType "application/x"`},
		"neither config nor annotations":     {b.manifest(t, "", nil), artifact.KeyID + ": missing"},
		"annotations without version":        {b.manifest(t, "", map[string]string{artifact.KeyID: "acme/hello"}), ocispec.AnnotationVersion + ": missing"},
		"an annotation range of words":       {b.manifest(t, "", said(artifact.KeyEngine+"acme", "newest")), artifact.KeyEngine + "acme: range \"newest\""},
		"an annotation with a bad homepage":  {b.manifest(t, "", said(ocispec.AnnotationURL, "example.org")), ocispec.AnnotationURL + `: "example.org"`},
		"an annotation with a bad time":      {b.manifest(t, "", said(ocispec.AnnotationCreated, "yesterday")), ocispec.AnnotationCreated + `: time "yesterday"`},
		"a requirement of no plugin":         {b.manifest(t, "", said(artifact.KeyRequires+"base", "*")), artifact.KeyRequires + "base: expected"},
		"a config that is no JSON":           {b.manifest(t, "{", nil), "config line 1"},
		"a config without version":           {b.manifest(t, `{"id":"acme/hello"}`, nil), "config /version: missing"},
		"two licences":                       {b.manifest(t, config, said(ocispec.AnnotationLicenses, "GPL-3.0-only")), `the annotation says "GPL-3.0-only", the plugin manifest in the config says "MIT"`},
		"two versions":                       {b.manifest(t, config, said(ocispec.AnnotationVersion, "1.0.1")), `the annotation says "1.0.1"`},
		"a host that the config lacks":       {b.manifest(t, config, said(artifact.KeyEngine+"other", "*")), artifact.KeyEngine + "other: the annotation says"},
		"a config beyond its limit":          {b.put(t, huge.MediaType, huge), "expected at most 1048576"},
		"an index of nothing":                {b.index(t, said()), "0 manifests"},
		"an index of too many":               {b.index(t, said(), many...), "65 manifests"},
		"a child without platform":           {b.index(t, nil, child), "manifests[0]: no platform"},
		"a platform twice":                   {b.index(t, nil, on(child, "linux/amd64"), on(child, "linux/amd64")), "manifests[1]: platform linux/amd64 is there twice"},
		"a child of another version":         {b.index(t, nil, on(child, "linux/amd64"), on(other, "linux/arm64")), "manifests[1]: is acme/hello@2.0.0"},
		"an index that disagrees with child": {b.index(t, said(ocispec.AnnotationVersion, "3.0.0"), on(child, "linux/amd64")), `manifests[0] org.opencontainers.image.version: the annotation says "3.0.0"`},
		"an index of an index":               {b.index(t, nil, on(b.index(t, nil, on(child, "linux/amd64")), "linux/amd64")), "manifests[0]: media type"},
		"a child that is no plugin":          {b.index(t, nil, on(b.put(t, foreign.MediaType, foreign), "linux/amd64")), `manifests[0]: artifactType "application/x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := artifact.ReadContent(t.Context(), row.root.MediaType, b[row.root.Digest], b.fetch)
			if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, expected invalid with %q", err, row.want)
			}
		})
	}
}

// Proves A3: what decides for a version is read in the manifest of every
// platform, so that no platform hides a permission, a dependency, a licence or
// a host behind the first.
func TestPlatformsSayTheSame_A3(t *testing.T) {
	t.Parallel()
	b := blobs{}
	child := func(more string) ocispec.Descriptor {
		return b.manifest(t, `{"id":"acme/hello","version":"1.0.0","license":"MIT","permissions":["clock","net"],"engines":{"acme":"*"}`+more+`}`, nil)
	}
	first := child("")
	for name, row := range map[string]struct {
		second ocispec.Descriptor
		said   map[string]string // by the annotations of the index
		want   string            // of the refusal; "" is none
	}{
		"the same":                          {second: child("")},
		"another entry point":               {second: child(`,"entrypoint":"hello.exe"`)},
		"another build":                     {second: child(`,"revision":"abc","created":"2026-01-02T03:04:05Z"`)},
		"permissions in another order":      {second: b.manifest(t, `{"id":"acme/hello","version":"1.0.0","license":"MIT","permissions":["net","clock"],"engines":{"acme":"*"}}`, nil)},
		"silent where the index speaks":     {second: b.manifest(t, `{"id":"acme/hello","version":"1.0.0","permissions":["clock","net"],"engines":{"acme":"*"}}`, nil), said: map[string]string{ocispec.AnnotationLicenses: "MIT"}},
		"silent where nobody speaks for it": {b.manifest(t, `{"id":"acme/hello","version":"1.0.0","permissions":["clock","net"],"engines":{"acme":"*"}}`, nil), nil, `manifests[1] /license: says nothing, the first manifest says "MIT"`},
		"one permission more":               {b.manifest(t, `{"id":"acme/hello","version":"1.0.0","license":"MIT","permissions":["clock","files","net"],"engines":{"acme":"*"}}`, nil), nil, `manifests[1] /permissions: says [{"name":"clock"},{"name":"files"}`},
		"a permission it cannot do without": {b.manifest(t, `{"id":"acme/hello","version":"1.0.0","license":"MIT","permissions":["clock",{"name":"net","optional":true}],"engines":{"acme":"*"}}`, nil), nil, "manifests[1] /permissions"},
		"a dependency":                      {child(`,"dependencies":[{"id":"acme/base","range":"*"}]`), nil, "manifests[1] /dependencies: says ["},
		"another licence":                   {b.manifest(t, `{"id":"acme/hello","version":"1.0.0","license":"GPL-3.0-only","permissions":["clock","net"],"engines":{"acme":"*"}}`, nil), nil, `manifests[1] /license: says "GPL-3.0-only", the first manifest says "MIT"`},
		"other hosts":                       {b.manifest(t, `{"id":"acme/hello","version":"1.0.0","license":"MIT","permissions":["clock","net"],"engines":{"acme":">=2"}}`, nil), nil, "manifests[1] /engines"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := b.index(t, row.said, on(first, "linux/amd64"), on(row.second, "windows/amd64"))
			_, err := artifact.ReadContent(t.Context(), root.MediaType, b[root.Digest], b.fetch)
			switch {
			case row.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case row.want != "" && (!errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), row.want)):
				t.Errorf("got %v, expected invalid with %q", err, row.want)
			}
		})
	}
}

// Missing bytes are "could not tell", swapped bytes are "does not hold";
// neither may look like a plugin that breaks the rules.
func TestBytesThatDoNotComeAreNotARefusal(t *testing.T) {
	t.Parallel()
	b := blobs{}
	root := b.manifest(t, config, nil)
	offline := errors.New("offline")
	for name, row := range map[string]struct {
		fetch artifact.Fetch
		want  error
	}{
		"a fetch that fails":    {func(context.Context, ocispec.Descriptor) ([]byte, error) { return nil, offline }, offline},
		"bytes of another size": {func(context.Context, ocispec.Descriptor) ([]byte, error) { return []byte("{}"), nil }, artifact.ErrUnverified},
		"bytes that were swapped": {func(_ context.Context, d ocispec.Descriptor) ([]byte, error) {
			return bytes.Replace(b[d.Digest], []byte("MIT"), []byte("BSD"), 1), nil
		}, artifact.ErrUnverified},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := artifact.ReadContent(t.Context(), root.MediaType, b[root.Digest], row.fetch)
			if !errors.Is(err, row.want) || errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("error %v, expected %v", err, row.want)
			}
		})
	}
}

func TestManifestsThatAreNone(t *testing.T) {
	t.Parallel()
	image := ocispec.MediaTypeImageManifest
	for name, row := range map[string][3]string{
		"no JSON":                         {image, "{", "line 1 column"},
		"another schema version":          {image, `{"schemaVersion":1}`, "schemaVersion 1"},
		"another media type than it says": {image, `{"schemaVersion":2,"mediaType":"application/x"}`, `its mediaType is "application/x"`},
		"an unknown media type":           {"application/x", `{"schemaVersion":2}`, `media type "application/x"`},
		"no config":                       {image, `{"schemaVersion":2}`, "no config"},
		"a config of no digest":           {image, `{"schemaVersion":2,"config":{"digest":"sha256:zz"}}`, `config: digest "sha256:zz"`},
		"a layer of negative size":        {image, `{"schemaVersion":2,"config":{"digest":"` + someDigest + `"},"layers":[{"digest":"` + someDigest + `","size":-1}]}`, "layers[0]: size -1"},
		"four mebibytes and one byte":     {image, `{"schemaVersion":2}` + strings.Repeat(" ", artifact.MaxManifest-18), "4194305 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := artifact.ParseManifest(row[0], []byte(row[1]))
			if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), row[2]) {
				t.Errorf("error %v, expected invalid with %q", err, row[2])
			}
		})
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	t.Parallel()
	a := said(artifact.KeyEngine+"acme", "newest", ocispec.AnnotationURL, "x")
	maps.Copy(a, map[string]string{artifact.KeyID: "hello"})
	_, err := artifact.FromAnnotations(a)
	several, ok := errors.AsType[*artifact.ProblemsError](err)
	if !ok || len(several.Problems) < 3 {
		t.Errorf("error %v, expected a problem at each of id, url and range", err)
	}
}
