package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/derive"
	"github.com/oarlock/oarlock/index"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/policy"
)

// Proves E1: a publisher whose ledger lost its tag, and the memory of it, is not one
// without a ledger: it is unknown what he says, nothing is appended beside it, and it
// comes back whole and not by an older copy.
func TestAPublishersLedgerWithoutTagAndMemoryIsMissed_E1(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Dev, c.Trust = false, everybodyListed(t)
	var notice bytes.Buffer
	s, stop := startWith(t, c, &notice)
	admin := tokenText.FindString(notice.String())
	for _, name := range []string{"acme", "globex"} {
		ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": name}, http.StatusCreated)
	}
	if err := s.engines.statements.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	ref := must(format.OfPublisher("acme"))
	older := must(s.engines.stored.Storage.Resolve(t.Context(), ref.Repository(), "acme"))
	ask[index.Publisher](t, s, admin, "POST", "/api/v1/publishers/acme/keys", index.NewPublisherKey{Name: "release", PEM: publicPEM(t)}, http.StatusOK)
	whole := must(s.engines.stored.Storage.Resolve(t.Context(), ref.Repository(), "acme"))
	if older == whole {
		t.Fatal("the ledger did not go on")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	must(0, os.RemoveAll(filepath.Join(c.Data, "registry/docker/registry/v2/repositories", ref.Repository(), "_manifests/tags/acme")))
	forgetCatalog(t, c.Data)

	s, _ = startWith(t, c, &notice)
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, known := s.index.ingest.Publisher("acme"); !known || got.Verdict().Outcome() != policy.Unknown {
		t.Errorf("known %v: %+v", known, got.Findings)
	}
	if keys := s.index.ingest.LedgerKeys("acme"); keys.Problem == nil {
		t.Error("its keys are those of a publisher without a ledger")
	}
	if got, known := s.index.ingest.Publisher("globex"); !known || got.Verdict().Outcome() != policy.Allow {
		t.Errorf("the other one: known %v: %+v", known, got.Findings)
	}
	// A database may be older than the ledger: nothing of it waits to be stated once the tag is back.
	_ = s.engines.statements.Drain(t.Context())
	if waits, err := s.accounts.store.Backlog(t.Context(), statements.JobKind, ref.String()); err != nil || waits.Jobs != 0 {
		t.Errorf("%d statements wait to be appended: %v", waits.Jobs, err)
	}
	ask[any](t, s, admin, "POST", "/api/v1/publishers/acme/keys", index.NewPublisherKey{Name: "next", PEM: publicPEM(t)}, http.StatusServiceUnavailable)
	if _, err := s.engines.stored.Storage.Resolve(t.Context(), ref.Repository(), "acme"); !errors.Is(err, artifact.ErrNotFound) {
		t.Fatalf("another ledger began: %v", err)
	}
	bring := func(d digest.Digest) int {
		mediaType, raw, err := s.engines.stored.Storage.Manifest(t.Context(), ref.Repository(), d)
		if err != nil {
			t.Fatal(err)
		}
		r := must(http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL()+"/v2/"+ref.Repository()+"/manifests/acme", bytes.NewReader(raw)))
		r.Header.Set("Content-Type", mediaType)
		r.SetBasicAuth("ci", admin)
		resp, _ := answerTo(t, r)
		return resp.StatusCode
	}
	if status := bring(older); status != http.StatusForbidden {
		t.Errorf("an older copy: %d", status)
	}
	if status := bring(whole); status != http.StatusCreated {
		t.Errorf("the ledger: %d", status)
	}
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, known := s.index.ingest.Publisher("acme"); !known || got.Verdict().Outcome() != policy.Allow || got.List != whole {
		t.Errorf("with its tag back: known %v: %+v", known, got.Findings)
	}
}

// beforeTag has the process die when a ledger is stored and its tag is not.
const beforeTag = "before tag"

// dyingStore is the registry as ledgers are kept in it, which dies before a tag.
type dyingStore struct{ ledgerStore }

func (s dyingStore) PushManifest(ctx context.Context, repo, reference, mediaType string, content []byte) error {
	if reference == artifact.StateTag {
		if err := s.ledgerStore.PushManifest(ctx, repo, digest.FromBytes(content).String(), mediaType, content); err != nil {
			return err
		}
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {}
	}
	return s.ledgerStore.PushManifest(ctx, repo, reference, mediaType, content)
}

// cutBeforeTag has the moves of a server that is about to open over a directory appended
// by a dyingStore.
func cutBeforeTag(c config.Config) func(*lifecycle.Options) {
	return func(o *lifecycle.Options) {
		basis, err := derive.Open(c, clock.Clock{})
		if err != nil {
			panic(err)
		}
		o.Ledger = statements.New(statements.Options{Store: dyingStore{o.Registry.(ledgerStore)}, Judge: basis.Ledgers, Signer: basis.Platform.Signer})
	}
}

// Proves E1, E12 and K6: a person's first move, by a server that is killed when the
// ledger is stored and its tag is not, is either made or not: the plugin is not lost,
// also where nobody asks for it again, and the move can be asked for again.
func TestAFirstMoveThatWasKilledBeforeItsTagIsFinished_E1_E12_K6(t *testing.T) {
	t.Parallel()
	for _, retried := range []bool{true, false} {
		for _, forgotten := range []bool{true, false} {
			t.Run(fmt.Sprintf("retried %v, forgotten %v", retried, forgotten), func(t *testing.T) {
				t.Parallel()
				killedBeforeItsTag(t, retried, forgotten)
			})
		}
	}
}

func killedBeforeItsTag(t *testing.T, retried, forgotten bool) {
	w := openDeletionWorld(t, "1.0.0")
	p := w.ready(childDies + "=" + beforeTag)
	suspend := map[string]any{"move": "suspend", "reason": "security_review"}
	if status := movedAt(t, w.admin, p.url, suspend); status != 0 {
		t.Fatalf("a server that dies answered %d", status)
	}
	p.Wait()
	if forgotten {
		forgetCatalog(t, w.data)
	}
	p = w.ready()
	for status := 0; retried && status != http.StatusOK && status != http.StatusConflict; { // it may be finished meanwhile
		if status = movedAt(t, w.admin, p.url, suspend); status != http.StatusOK && status != http.StatusConflict && status != http.StatusServiceUnavailable {
			t.Fatalf("asked for again: %d", status)
		}
	}
	for t.Context().Err() == nil {
		status, body := answered(t, w.admin, "GET", p.url+"/api/v1/plugins/acme/hello/lifecycle", nil)
		is := func(state index.PluginState) bool {
			return status == http.StatusOK && strings.Contains(string(body), `"state":"`+string(state)+`"`)
		}
		// Where the catalog was not forgotten nobody may look at the repository: then it was not made.
		if is(index.StateSuspended) || !retried && !forgotten && is(index.StateActive) {
			break
		}
	}
	if status := movedAt(t, w.admin, p.url, map[string]any{"move": "remove", "reason": "malware"}); status != http.StatusOK {
		t.Errorf("the next move: %d", status)
	}
}

// movedAt moves acme/hello; 0 is no answer.
func movedAt(t *testing.T, token, url string, move map[string]any) int {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), "POST", url+"/api/v1/plugins/acme/hello/lifecycle", strings.NewReader(jsonOf(t, move))))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := visitor.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
