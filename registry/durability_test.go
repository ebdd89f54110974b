package registry_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(t *testing.T) *client { return newClient(t, registrytest.New(t, registrytest.Dir(dir))) }
	var one, sig ocispec.Descriptor
	var location string
	t.Run("before", func(t *testing.T) {
		c := open(t)
		one = c.pushed("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
		sig = c.refer("acme/hello", one.Digest, "application/sig", "x")
		location = c.want(c.chunk(c.start("acme/hello"), "", []byte("half ")), http.StatusAccepted).header.Get("Location")
	})
	c := open(t)
	c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
	got, _ := c.referrers("acme/hello", one.Digest, "")
	if diff := cmp.Diff([]ocispec.Descriptor{sig}, got); diff != "" {
		t.Error(diff)
	}
	a, _ := c.put("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", "other"))
	c.refused(a, http.StatusConflict, "DENIED")
	a = c.want(c.chunk(location, "", []byte("done")), http.StatusAccepted)
	c.want(c.send("PUT", c.at(a.header.Get("Location"), "digest", digest.FromString("half done").String()), nil), http.StatusCreated)
}

func TestCutUploadLeavesNothingVisible(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t)
	c := newClient(t, s)
	content := []byte(strings.Repeat("x", 1<<20))
	d := digest.FromBytes(content)
	for _, path := range []string{c.at(c.start("acme/hello"), "digest", d.String()), "/v2/acme/hello/blobs/uploads/?digest=" + d.String()} {
		method := "PUT"
		if strings.HasPrefix(path, "/v2/acme/hello/blobs/uploads/?") {
			method = "POST"
		}
		cut(t, s, method, path, len(content), content[:1000])
	}
	manifest := encode(t, plugin("acme/hello", "1.0.0", ""))
	cut(t, s, "PUT", "/v2/acme/hello/manifests/1.0.0", len(manifest), manifest[:50])
	c.want(c.get("acme/hello", "blobs", d.String()), http.StatusNotFound)
	c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusNotFound)
	c.want(c.putBlob("acme/hello", content, d), http.StatusCreated)
}

// cut promises length bytes, sends fewer, and closes its half of the line.
func cut(t *testing.T, s *registrytest.Server, method, path string, length int, part []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", method, strings.TrimPrefix(path, s.URL), s.Host, length, part)
	conn.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(conn)
	if err == nil && strings.HasPrefix(string(answer), "HTTP/1.1 2") {
		t.Fatalf("%s %s was acknowledged: %s", method, path, answer)
	}
}

func TestDirectoryThatCannotBeUsedIsAClearError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	held := t.TempDir()
	registrytest.New(t, registrytest.Dir(held))
	newer := t.TempDir()
	if err := os.MkdirAll(filepath.Join(newer, "oarlock"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(newer, "oarlock/layout"), []byte("99"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, k := range map[string]struct {
		o    storage.Options
		want string
	}{
		"no directory":           {storage.Options{}, "no directory"},
		"a file":                 {storage.Options{Options: driver.Options{Dir: filepath.Join(file, "below")}}, file},
		"held by another":        {storage.Options{Options: driver.Options{Dir: held}}, "in use by another process"},
		"written by a newer one": {storage.Options{Options: driver.Options{Dir: newer}}, `"99"`},
		"an unknown driver":      {storage.Options{Options: driver.Options{Driver: "punchcards"}}, "punchcards"},
		"read-only and missing":  {storage.Options{Options: driver.Options{Dir: filepath.Join(held, "none"), ReadOnly: true}}, "none"},
	} {
		reg, err := storage.Open(t.Context(), k.o)
		if err == nil {
			reg.Close()
		}
		if err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("%s: error %v, want one with %q", says, err, k.want)
		}
	}
}

func TestDirectoryOfAnotherRegistryIsAdopted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var subject, ref ocispec.Descriptor
	t.Run("before", func(t *testing.T) {
		c := newClient(t, registrytest.New(t, registrytest.Dir(dir), registrytest.Free("free")))
		subject = c.pushed("free/x", "one", image(nil))
		ref = c.refer("free/x", subject.Digest, "application/a", "1")
	})
	// What distribution alone would have written has no half of ours.
	if err := os.RemoveAll(filepath.Join(dir, "oarlock")); err != nil {
		t.Fatal(err)
	}
	s := registrytest.New(t, registrytest.Dir(dir))
	var repos []string
	if err := s.Storage.Repositories(t.Context(), func(r string) error { repos = append(repos, r); return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := s.Storage.Referrers(t.Context(), "free/x", subject.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"free/x"}, repos) + cmp.Diff([]ocispec.Descriptor{ref}, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadSideSaysWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.InMemory())
	ctx := t.Context()
	_, _, noManifest := s.Storage.Manifest(ctx, "acme/hello", missingDigest)
	_, noBlob := s.Storage.Blob(ctx, "acme/hello", missingDigest, 10)
	_, noTag := s.Storage.Resolve(ctx, "acme/hello", "1.0.0")
	for _, err := range []error{noManifest, noBlob, noTag} {
		if !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
	}
	d := newClient(t, s).blob("acme/hello", []byte("eleven byte"))
	if _, err := s.Storage.Blob(ctx, "acme/hello", d.Digest, 10); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("%v, want ErrInvalid for a blob over the limit", err)
	}
	if content, err := s.Storage.Blob(ctx, "acme/hello", d.Digest, 11); err != nil || string(content) != "eleven byte" {
		t.Errorf("%q, %v", content, err)
	}
}
