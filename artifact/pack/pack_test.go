package pack_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

const manifestJSON = `{"id":"acme/hello","version":"1.2.0","name":"Hello","license":"Apache-2.0",
 "engines":{"acme-editor":">=1.0 <3"},"entrypoint":"hello.sh"}`

// write makes a plugin directory of the given files.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func noEnv(string) string { return "" }

func packed(t testing.TB, dir string) *pack.Result {
	t.Helper()
	r, err := pack.Dir(t.Context(), dir, pack.Options{Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// read reads what r holds as the registry would.
func read(t testing.TB, r *pack.Result) *artifact.Content {
	t.Helper()
	fetch := func(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
		return content.FetchAll(ctx, r.Store, d)
	}
	raw, err := fetch(t.Context(), r.Root)
	if err != nil {
		t.Fatal(err)
	}
	c, err := artifact.ReadContent(t.Context(), r.Root.MediaType, raw, fetch)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// unpacked unpacks one manifest of r and returns its files.
func unpacked(t testing.TB, r *pack.Result, d ocispec.Descriptor) map[string]string {
	t.Helper()
	raw, err := content.FetchAll(t.Context(), r.Store, d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := artifact.ParseManifest(d.MediaType, raw)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := pack.Extract(t.Context(), r.Store, m, dir, pack.Limits{}); err != nil {
		t.Fatal(err)
	}
	return files(t, dir)
}

func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		raw, err := os.ReadFile(p)
		out[filepath.ToSlash(rel)] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var sample = map[string]string{
	"plugin.json":     manifestJSON,
	"README.md":       "# Hello\n",
	"hello.sh":        "#!/bin/sh\necho hello\n",
	"data/größe.txt":  strings.Repeat("rows of text that compress\n", 400),
	"data/a/b/c.bin":  "\x00\x01\x02",
	".git/HEAD":       "ref",
	"debug.log":       "x",
	".oarlockignore":  "*.log\n",
	"sub/.gitignore":  "kept",
	"sub/.git/config": "dropped",
}

// The digest is part of the promise: it changes with a new compressor or
// format only, and then the changelog says so.
func TestPackHasTheSameDigestEverywhere_A4(t *testing.T) {
	t.Parallel()
	const golden = "sha256:d6b96d470f66e39589358b5d1579832ec4327f412d5cb5f7d380dae279c72d1e"
	dir := write(t, sample)
	if got := packed(t, dir).Root.Digest.String(); got != golden {
		t.Errorf("digest of the sample: %s, expected %s", got, golden)
	}
	// Times, modes and the order of creation are no part of it.
	for name := range sample {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.Chtimes(p, time.Unix(1, 0), time.Unix(2, 0)), os.Chmod(p, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if got := packed(t, dir).Root.Digest.String(); got != golden {
		t.Errorf("digest with other times and modes: %s, expected %s", got, golden)
	}
	if err := os.WriteFile(filepath.Join(dir, "hello.sh"), []byte("#!/bin/sh\necho other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := packed(t, dir).Root.Digest.String(); got == golden {
		t.Error("another content has the same digest")
	}
}

func TestPackedPluginIsReadAndUnpacked_A1(t *testing.T) {
	t.Parallel()
	r := packed(t, write(t, sample))
	c := read(t, r)
	if c.Manifest.ArtifactType != artifact.TypePlugin || c.Manifest.Config.MediaType != artifact.TypeConfig {
		t.Errorf("artifactType %q, config %q", c.Manifest.ArtifactType, c.Manifest.Config.MediaType)
	}
	if c.Plugin.Readme != "# Hello\n" {
		t.Errorf("readme %q, expected README.md's", c.Plugin.Readme)
	}
	if got := c.Manifest.Layers[0].Annotations[ocispec.AnnotationTitle]; got != "hello-1.2.0.tar.gz" {
		t.Errorf("the layer's title is %q: tools that save files by title would pass over it", got)
	}
	if _, there := c.Manifest.Annotations[ocispec.AnnotationCreated]; there {
		t.Error("there is a created annotation, though nothing says when")
	}
	want := map[string]string{}
	for _, name := range []string{"plugin.json", "README.md", "hello.sh", "data/größe.txt", "data/a/b/c.bin", "sub/.gitignore"} {
		want[name] = sample[name]
	}
	if diff := cmp.Diff(want, unpacked(t, r, r.Root)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestExecutableBitFollowsContent_A4(t *testing.T) {
	t.Parallel()
	r := packed(t, write(t, sample))
	c, dir := read(t, r), t.TempDir()
	if err := pack.Extract(t.Context(), r.Store, c.Manifest, dir, pack.Limits{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"hello.sh": 0o100, "README.md": 0} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm() & 0o100; got != want {
			t.Errorf("%s: owner's execute bit %o, expected %o", name, got, want)
		}
	}
}

func TestABuildNamesTheBestFittingPayloadOfAPath_A3(t *testing.T) {
	t.Parallel()
	r := packed(t, write(t, map[string]string{
		"plugin.json": `{"id":"acme/native","version":"2.0.0","platforms":["linux/amd64/v3","linux/amd64"],"payloads":[
			{"url":"https://example.org/base","path":"engine","digest":"` + digest.FromString("a").String() + `","platform":"linux/amd64"},
			{"url":"https://example.org/v3","path":"engine","digest":"` + digest.FromString("b").String() + `","platform":"linux/amd64/v3"},
			{"url":"https://example.org/other","digest":"` + digest.FromString("c").String() + `"}]}`,
		"platforms/linux-amd64/run":    "base",
		"platforms/linux-amd64-v3/run": "v3",
	}))
	c := read(t, r)
	want := map[string]string{"linux/amd64": "https://example.org/base https://example.org/other", "linux/amd64/v3": "https://example.org/v3 https://example.org/other"}
	for i, d := range c.Manifest.Children {
		var urls []string
		for _, l := range read(t, &pack.Result{Root: d, Store: r.Store}).Plugin.Payloads {
			urls = append(urls, l.URL)
		}
		if got := strings.Join(urls, " "); got != want[c.Builds[i].Platform.String()] {
			t.Errorf("%s names %s", c.Builds[i].Platform, got)
		}
	}
}

func TestPlatformsBecomeAnImageIndex_A3(t *testing.T) {
	t.Parallel()
	r := packed(t, write(t, map[string]string{
		"plugin.json": `{"id":"acme/native","version":"2.0.0","platforms":["linux/arm/v7","linux/amd64"],"payloads":[
			{"url":"https://example.org/a","digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","platform":"linux/amd64"}]}`,
		"shared.txt":                 "shared",
		"platforms/linux-amd64/run":  "\x7fELF amd64",
		"platforms/linux-arm-v7/run": "\x7fELF arm",
	}))
	c := read(t, r)
	if !c.Manifest.IsIndex() || c.Manifest.ArtifactType != artifact.TypePlugin {
		t.Fatalf("root is %q of type %q, expected an index", c.Manifest.Descriptor.MediaType, c.Manifest.ArtifactType)
	}
	if diff := cmp.Diff(c.Plugin.Annotations(), c.Manifest.Annotations); diff != "" {
		t.Errorf("annotations of the index (-manifest +index):\n%s", diff)
	}
	want := map[string]map[string]string{
		"linux/amd64":  {"plugin.json": "", "shared.txt": "shared", "run": "\x7fELF amd64"},
		"linux/arm/v7": {"plugin.json": "", "shared.txt": "shared", "run": "\x7fELF arm"},
	}
	for i, d := range c.Manifest.Children {
		child := read(t, &pack.Result{Root: d, Store: r.Store}).Plugin
		if there := len(child.Payloads) == 1; there != (c.Builds[i].Platform.Arch() == "amd64") || len(child.Platforms) != 1 {
			t.Errorf("%s names the platforms %v and the payloads %v", c.Builds[i].Platform, child.Platforms, child.Payloads)
		}
		got := unpacked(t, r, d)
		got["plugin.json"] = ""
		if diff := cmp.Diff(want[c.Builds[i].Platform.String()], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Builds[i].Platform, diff)
		}
	}
	if len(r.Blobs) != 8 { // three layers, two configs, two manifests, one index
		t.Errorf("%d blobs, expected 8: the shared layer once", len(r.Blobs))
	}
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a directory without plugin.json":           {map[string]string{"a": ""}, "plugin.json is missing"},
		"a plugin.json without version":             {map[string]string{"plugin.json": `{"id":"acme/hello"}`}, "/version: missing"},
		"a plugin.json with half a character":       {map[string]string{"plugin.json": `{"id":"acme/hello","version":"1.0.0","vendor":"\ud800"}`}, "/vendor: a text has half a character"},
		"a plugin.json with a NUL":                  {map[string]string{"plugin.json": `{"id":"acme/hello","version":"1.0.0","vendor":"\u0000"}`}, "/vendor: a text has a NUL character"},
		"a plugin.json that is not JSON":            {map[string]string{"plugin.json": "{\n  \"id\": }"}, "line 2 column"},
		"a named platform without files":            {map[string]string{"plugin.json": `{"id":"acme/hello","version":"1.0.0","platforms":["linux/amd64","linux/arm64"]}`, "platforms/linux-amd64/x": ""}, "linux/arm64 has no files in platforms/linux-arm64"},
		"files of a platform that is not named":     {map[string]string{"plugin.json": `{"id":"acme/hello","version":"1.0.0","platforms":["linux/amd64"]}`, "platforms/linux-amd64/x": "", "platforms/linux-arm64/x": ""}, `linux/arm64 is not in "platforms"`},
		"a stray file among the platforms":          {map[string]string{"plugin.json": manifestJSON, "platforms/readme": ""}, "holds one directory per platform"},
		"a file both shared and of a platform":      {map[string]string{"plugin.json": manifestJSON, "x": "", "platforms/linux-amd64/x": ""}, "clashes with a shared file on linux/amd64"},
		"two names that differ by case":             {map[string]string{"plugin.json": manifestJSON, "A": "", "a": ""}, "same name"},
		"two names that differ by Unicode form":     {map[string]string{"plugin.json": manifestJSON, "é": "", "e\u0301": ""}, "is there twice"},
		"a pattern of the ignore file that is none": {map[string]string{"plugin.json": manifestJSON, ".oarlockignore": "ok\n[a"}, `.oarlockignore:2: pattern "[a"`},
		"a file name with a backslash":              {map[string]string{"plugin.json": manifestJSON, `a\b`: ""}, "expected UTF-8 with forward slashes"},
		"a readme beyond the limit":                 {map[string]string{"plugin.json": manifestJSON, "README.md": strings.Repeat("x", artifact.MaxText+1)}, "README.md: 262145 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pack.Dir(t.Context(), write(t, row.files), pack.Options{Getenv: noEnv})
			if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, expected invalid with %q", err, row.want)
			}
		})
	}
	if _, err := pack.Dir(t.Context(), filepath.Join(t.TempDir(), "none"), pack.Options{}); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

func TestWhatNobodyWouldUnpackIsNotPacked_A6(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"plugin.json": manifestJSON, "zeros": ""})
	if err := os.Truncate(filepath.Join(dir, "zeros"), 32<<20); err != nil {
		t.Fatal(err)
	}
	_, err := pack.Dir(t.Context(), dir, pack.Options{Getenv: noEnv})
	if bad, ok := errors.AsType[*pack.UnpackError](err); !ok || bad.Code != pack.CodeRatio {
		t.Errorf("32 MiB of zeros: %v", err)
	}
	noise := make([]byte, 12<<20)
	rand.Read(noise)
	if err := os.WriteFile(filepath.Join(dir, "zeros"), noise, 0o644); err != nil {
		t.Fatal(err)
	}
	r := packed(t, dir)
	if got := unpacked(t, r, r.Root)["zeros"]; got != string(noise) {
		t.Error("12 MiB of noise came back different")
	}
}

func TestLinksThatLeaveThePluginAreNotPacked_A6(t *testing.T) {
	t.Parallel()
	for target, good := range map[string]bool{"data": true, "../x": false, "/etc/passwd": false, "data/../../x": false} {
		dir := write(t, map[string]string{"plugin.json": manifestJSON, "data/x": "1"})
		if err := os.Symlink(target, filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		if _, err := pack.Dir(t.Context(), dir, pack.Options{Getenv: noEnv}); (err == nil) != good {
			t.Errorf("link to %q: %v", target, err)
		}
	}
}

func TestCreatedComesFromTheEnvironmentOrTheManifest_A4(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"plugin.json": manifestJSON})
	r, err := pack.Dir(t.Context(), dir, pack.Options{Getenv: func(string) string { return "1700000000" }})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, r).Manifest.Annotations[ocispec.AnnotationCreated]; got != "2023-11-14T22:13:20Z" {
		t.Errorf("created %q from SOURCE_DATE_EPOCH=1700000000", got)
	}
	for _, bad := range []string{"yesterday", "-1", "1667997441000", "99999999999999999999"} { // the third is in milliseconds
		_, err := pack.Dir(t.Context(), dir, pack.Options{Getenv: func(string) string { return bad }})
		if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
			t.Errorf("SOURCE_DATE_EPOCH=%s: %v", bad, err)
		}
	}
}

func TestBigLayersAreReadAgainFromDisk(t *testing.T) {
	t.Parallel()
	dir := write(t, sample)
	small := packed(t, dir)
	big, err := pack.Dir(t.Context(), dir, pack.Options{Getenv: noEnv, Memory: 1})
	if err != nil {
		t.Fatal(err)
	}
	if big.Root.Digest != small.Root.Digest {
		t.Errorf("%s from disk, %s from memory", big.Root.Digest, small.Root.Digest)
	}
	layer := read(t, big).Manifest.Layers[0]
	if _, err := content.FetchAll(t.Context(), big.Store, layer); err != nil {
		t.Errorf("unchanged files: %v", err)
	}
	for name, text := range map[string]string{
		"longer":                "#!/bin/sh\necho HELLO\n#" + strings.Repeat("?", 99),
		"shorter":               "#!/bin/sh\n",
		"of just the same size": "\x01\x02\x00",
	} {
		where := filepath.Join(dir, "hello.sh")
		if name == "of just the same size" {
			where = filepath.Join(dir, "data", "a", "b", "c.bin")
		}
		before, err := os.ReadFile(where)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(where, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := content.FetchAll(t.Context(), big.Store, layer); !errors.Is(err, artifact.ErrConflict) {
			t.Errorf("a file that became %s: %v, expected a conflict", name, err)
		}
		if err := os.WriteFile(where, before, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLayoutsKeepTheDigest(t *testing.T) {
	t.Parallel()
	r := packed(t, write(t, sample))
	for _, name := range []string{"layout", "layout.tar"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := filepath.Join(t.TempDir(), name)
			if pack.IsLayout(p) {
				t.Error("there is a layout before it is written")
			}
			for range 2 { // writing again changes nothing
				if err := r.Write(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			if !pack.IsLayout(p) {
				t.Error("not recognised as a layout")
			}
			back, err := pack.Open(t.Context(), p, "")
			if err != nil {
				t.Fatal(err)
			}
			if back.Root.Digest != r.Root.Digest || back.Plugin.Version.String() != "1.2.0" {
				t.Errorf("%s@%s came back, expected %s", back.Root.Digest, back.Plugin.Version, r.Root.Digest)
			}
			if diff := cmp.Diff(unpacked(t, r, r.Root), unpacked(t, back, back.Root)); diff != "" {
				t.Errorf("files (-packed +layout):\n%s", diff)
			}
			if _, err := pack.Open(t.Context(), p, "9.9.9"); !errors.Is(err, artifact.ErrNotFound) {
				t.Errorf("a tag that is not there: %v", err)
			}
		})
	}
	if _, err := pack.Open(t.Context(), t.TempDir(), ""); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("an empty directory: %v", err)
	}
}
