package registry_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// childDir is set when the test binary runs as a registry to be killed.
const childDir = "OARLOCK_TEST_REGISTRY_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(serveUntilKilled(dir))
	}
	os.Exit(m.Run())
}

func serveUntilKilled(dir string) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	reg, err := registry.Open(context.Background(), registry.Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("http://" + l.Addr().String())
	http.Serve(l, reg)
	return 0
}

func TestKillLosesNothingAcknowledged_B2(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	acknowledged := map[push]digest.Digest{}
	var mu sync.Mutex
	for round := range 4 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		c := &client{t: t, url: strings.TrimSpace(line), do: http.DefaultClient.Do}
		enough := make(chan struct{})
		var count atomic.Int32
		var pushers sync.WaitGroup
		for p := range 4 {
			pushers.Go(func() {
				for i := 0; ; i++ {
					repo := fmt.Sprintf("acme/plugin-%d", p)
					version := fmt.Sprintf("%d.%d.0", round, i)
					if !pushPair(c, repo, version, acknowledged, &mu) {
						return
					}
					if count.Add(1) == int32(10+7*round) {
						close(enough)
					}
				}
			})
		}
		<-enough
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		pushers.Wait()
		child.Wait()
	}
	s := registrytest.New(t, registrytest.Dir(dir))
	for p, want := range acknowledged {
		if p.tag != "" {
			if d, err := s.Resolve(t.Context(), p.repo, p.tag); err != nil || d != want {
				t.Errorf("%s:%s is %q, %v; acknowledged as %s", p.repo, p.tag, d, err, want)
			}
			continue
		}
		list, err := s.Referrers(t.Context(), p.repo, p.subject)
		if err != nil || !slices.ContainsFunc(list, func(d ocispec.Descriptor) bool { return d.Digest == want }) {
			t.Errorf("referrer %s of %s@%s is not there: %v", want, p.repo, p.subject, err)
		}
		if _, _, err := s.Manifest(t.Context(), p.repo, want); err != nil {
			t.Error(err)
		}
	}
	if err := s.Fsck(t.Context(), func(d registry.Damage) {
		// A push that was cut may lack its last links; what it has must be whole.
		if !strings.Contains(d.What, "referrer link to subject") {
			t.Errorf("damage: %v", &d)
		}
	}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d pushes were acknowledged over 4 kills", len(acknowledged))
}

// push is a version by its tag, or a referrer by its subject.
type push struct {
	repo, tag string
	subject   digest.Digest
}

// pushPair pushes a version and a referrer of it, and writes down what was
// acknowledged. It is false when the registry is gone.
func pushPair(c *client, repo, version string, acknowledged map[push]digest.Digest, mu *sync.Mutex) bool {
	send := func(ref string, content []byte) bool {
		a, err := c.try("PUT", "/v2/"+repo+"/manifests/"+ref, content, "Content-Type", ocispec.MediaTypeImageManifest)
		return err == nil && a.status == http.StatusCreated
	}
	a, err := c.try("POST", "/v2/"+repo+"/blobs/uploads/?digest="+digest.FromBytes(emptyConfig).String(), emptyConfig)
	if err != nil || a.status != http.StatusCreated {
		return false
	}
	content := encode(c.t, plugin(repo, version, ""))
	d := digest.FromBytes(content)
	if !send(version, content) {
		return false
	}
	mu.Lock()
	acknowledged[push{repo: repo, tag: version}] = d
	mu.Unlock()
	sig := encode(c.t, image(withSubject(d)))
	s := digest.FromBytes(sig)
	if !send(s.String(), sig) {
		return false
	}
	mu.Lock()
	acknowledged[push{repo: repo, subject: d}] = s
	mu.Unlock()
	return true
}

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
		o    registry.Options
		want string
	}{
		"no directory":           {registry.Options{}, "no directory"},
		"a file":                 {registry.Options{Dir: filepath.Join(file, "below")}, file},
		"held by another":        {registry.Options{Dir: held}, "in use by another process"},
		"written by a newer one": {registry.Options{Dir: newer}, `"99"`},
		"an unknown driver":      {registry.Options{Driver: "punchcards"}, "punchcards"},
		"read-only and missing":  {registry.Options{Dir: filepath.Join(held, "none"), ReadOnly: true}, "none"},
	} {
		reg, err := registry.Open(t.Context(), k.o)
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
	if err := s.Repositories(t.Context(), func(r string) error { repos = append(repos, r); return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := s.Referrers(t.Context(), "free/x", subject.Digest)
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
	_, _, noManifest := s.Manifest(ctx, "acme/hello", missingDigest)
	_, noBlob := s.Blob(ctx, "acme/hello", missingDigest, 10)
	_, noTag := s.Resolve(ctx, "acme/hello", "1.0.0")
	for _, err := range []error{noManifest, noBlob, noTag} {
		if !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
	}
	d := newClient(t, s).blob("acme/hello", []byte("eleven byte"))
	if _, err := s.Blob(ctx, "acme/hello", d.Digest, 10); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("%v, want ErrInvalid for a blob over the limit", err)
	}
	if content, err := s.Blob(ctx, "acme/hello", d.Digest, 11); err != nil || string(content) != "eleven byte" {
		t.Errorf("%q, %v", content, err)
	}
}
