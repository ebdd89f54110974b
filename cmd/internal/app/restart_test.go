package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/remote"
)

func push(t *testing.T, s *Server, n int) string {
	t.Helper()
	p := plugin(t, n)
	ref := s.Addr() + "/" + p.Plugin.ID.String() + ":" + p.Plugin.Version.Tag()
	if err := remote.Push(t.Context(), p.Store, p.Root, ref, remote.Options{HTTPClient: visitor}); err != nil {
		t.Fatal(err)
	}
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p.Root.Digest.String()
}

// A restart begins with the last generation, before it has read anything but the
// checkpoint, and serves it once it knows that no ledger went on since.
func TestARestartBeginsWithTheCheckpoint(t *testing.T) {
	t.Parallel()
	c := configured(t)
	s, stop := start(t, c)
	push(t, s, 1)
	before := s.index.live.Current().Stamp()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), c, options(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.index.ready() == nil { // nothing runs yet
		t.Error("ready before a ledger was looked at")
	}
	if got := again.index.live.Current().Stamp(); got != before {
		t.Errorf("it serves %+v, before the restart it was %+v", got, before)
	}
}

// A damaged checkpoint costs a walk, and nothing else.
func TestADamagedCheckpointIsBuiltAgain(t *testing.T) {
	t.Parallel()
	c := configured(t)
	s, stop := start(t, c)
	push(t, s, 1)
	before := s.index.live.Current().Stamp()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(c.Data, "catalog.checkpoint.*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("checkpoints %v, %v", found, err)
	}
	if err := os.WriteFile(found[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, _ := start(t, c)
	if got := again.index.live.Current().Stamp(); got.CatalogDigest != before.CatalogDigest {
		t.Errorf("it serves %+v, before it was %+v", got, before)
	}
}

// Trust that is taken away counts at once after a reload, and after a restart.
func TestReloadJudgesByTheNewTrustPolicy_G3(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trust.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("namespaces:\n  acme: {signature: optional}\n")
	s, admin := startGuarded(t, func(c *config.Config) { c.Trust = path })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	pushAs(t, s, admin, 1)
	listed := func() int { return get[index.Page](t, "GET", s.URL()+"/api/v1/plugins").Total }
	if got := listed(); got != 1 {
		t.Fatalf("%d listed, expected 1", got)
	}
	write("namespaces:\n  acme: {signature: perhaps}\n")
	if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "perhaps") {
		t.Errorf("a bad policy: %v", err)
	}
	if got := listed(); got != 1 {
		t.Errorf("after a bad policy %d listed, expected 1", got)
	}
	write("namespaces:\n  other: {signature: optional}\n")
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := listed(); got != 0 {
		t.Errorf("after the policy changed %d listed, expected 0", got)
	}
}

func TestMetricsCountWhatIsPushed_K4(t *testing.T) {
	t.Parallel()
	s, _ := start(t, configured(t))
	push(t, s, 1)
	resp, err := visitor.Get(s.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`oarlock_registry_events_total{kind="tag_set"} 1`, "oarlock_ingest_ready 1", "oarlock_catalog_versions 1", `part="registry"`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestReferencesNameThePublicURL(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.PublicURL = "https://plugins.example.org"
	s, _ := start(t, c)
	digest := push(t, s, 1)
	page := get[index.Page](t, "GET", s.URL()+"/api/v1/plugins")
	if len(page.Items) != 1 || page.Items[0].Reference != "plugins.example.org/acme/p1@"+digest {
		t.Errorf("%+v", page.Items)
	}
}

func TestFreeNamespacesAreFree(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Namespaces = map[string]config.Settings{"scratch": {FreeTags: true}}
	s, _ := start(t, c)
	p := plugin(t, 1)
	for repo, want := range map[string]bool{"scratch/deep/down": true, "acme/p1": false} {
		err := remote.Push(t.Context(), p.Store, p.Root, s.Addr()+"/"+repo+":Any_Tag", remote.Options{HTTPClient: visitor})
		if (err == nil) != want {
			t.Errorf("%s: %v", repo, err)
		}
	}
}

// TestAServerThatGoesSaysSoFirst: /readyz says 503 while everything is still
// served, and only then does the server close, without an error. Proves A8.
func TestAServerThatGoesSaysSoFirst(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Limits.Unready = 3 * time.Second
	s, stop := start(t, c)
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	defer func() {
		if err := <-ended; err != nil {
			t.Errorf("the end: %v", err)
		}
	}()
	status := func(path string) int {
		resp, err := visitor.Get(s.URL() + path)
		if err != nil {
			t.Fatalf("closed at once: %v", err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for status("/readyz") != http.StatusServiceUnavailable {
	}
	if got := status("/v2/"); got != http.StatusOK {
		t.Errorf("not served any more while it leaves: %d", got)
	}
}

// TestAServerThatSomebodyTypesAwayDoesNotWait: the cause of the end says that
// nobody is to be told, and the server drains at once. Proves A8.
func TestAServerThatSomebodyTypesAwayDoesNotWait(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Limits.Unready = time.Hour
	s, err := Open(t.Context(), c, options(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(s.Run(ctx), s.Close()) }()
	end(fmt.Errorf("typed: %w", ErrAtOnce))
	if err := <-ended; err != nil {
		t.Errorf("the end: %v", err)
	}
}

// The numbers of generations never fall, whatever became of the checkpoint.
func TestGenerationsGoOnAboveWhatWasServed(t *testing.T) {
	t.Parallel()
	c := configured(t)
	s, stop := start(t, c)
	push(t, s, 1)
	first := s.index.live.Current().Number
	lose(t, c, stop)
	s, stop = start(t, c)
	if got := s.index.live.Current().Number; got <= first {
		t.Errorf("without the checkpoint it serves generation %d, before it was %d", got, first)
	}

	// One from an earlier time, as after a restore, or a server that was killed.
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	old := checkpointOf(t, c)
	held, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	s, stop = start(t, c)
	push(t, s, 2)
	push(t, s, 3)
	second := s.index.live.Current().Number
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, held, 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ = start(t, c)
	if got := s.index.live.Current().Number; got <= second {
		t.Errorf("with an old checkpoint it serves generation %d, before it was %d", got, second)
	}
}

// What the signed catalog says counts where nothing else is left.
func TestGenerationsGoOnAboveTheSignedCatalog(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Catalog.Publish, c.Catalog.Quiet = "on", time.Millisecond
	s, stop := start(t, c)
	push(t, s, 1)
	push(t, s, 2)
	published, err := s.signing.publisher.Publish(t.Context(), s.index.live.Current())
	if err != nil || published.Generation == 0 {
		t.Fatalf("published %+v, %v", published, err)
	}
	lose(t, c, stop)
	records, err := filepath.Glob(filepath.Join(c.Data, "registry", "*", "records", generationsRecord))
	if err != nil || len(records) != 1 {
		t.Fatalf("records %v, %v", records, err)
	}
	if err := os.Remove(records[0]); err != nil {
		t.Fatal(err)
	}
	s, _ = start(t, c)
	if got := s.index.live.Current().Number; got <= published.Generation {
		t.Errorf("it serves generation %d, the signed catalog says %d", got, published.Generation)
	}
}

func checkpointOf(t *testing.T, c config.Config) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(c.Data, "catalog.checkpoint.*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("checkpoints %v, %v", found, err)
	}
	return found[0]
}

// lose ends a server and takes its checkpoint away.
func lose(t *testing.T, c config.Config, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(checkpointOf(t, c)); err != nil {
		t.Fatal(err)
	}
}
