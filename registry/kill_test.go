package registry_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// childDir is set when the test binary runs as a registry to be killed.
const childDir = "OARLOCK_TEST_REGISTRY_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(serveUntilKilled(dir))
	}
	// The library of the bucket gives this bundle to the client of the whole
	// process while other tests use it; the buckets of the tests have no TLS.
	if err := os.Unsetenv("AWS_CA_BUNDLE"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serveUntilKilled(dir string) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	reg, err := registrytest.Open(context.Background(), registrytest.Dir(dir))
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
		c := &client{t: t, url: strings.TrimSpace(line), do: web.Do}
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
			if d, err := s.Storage.Resolve(t.Context(), p.repo, p.tag); err != nil || d != want {
				t.Errorf("%s:%s is %q, %v; acknowledged as %s", p.repo, p.tag, d, err, want)
			}
			continue
		}
		list, err := s.Storage.Referrers(t.Context(), p.repo, p.subject)
		if err != nil || !slices.ContainsFunc(list, func(d ocispec.Descriptor) bool { return d.Digest == want }) {
			t.Errorf("referrer %s of %s@%s is not there: %v", want, p.repo, p.subject, err)
		}
		if _, _, err := s.Storage.Manifest(t.Context(), p.repo, want); err != nil {
			t.Error(err)
		}
	}
	if err := s.Checks.Fsck(t.Context(), func(d driver.Damage) {
		// A push that was cut may lack its last links; what it has must be whole.
		if !strings.Contains(d.What, "referrer link to subject") && !strings.Contains(d.What, "list of repositories") {
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
