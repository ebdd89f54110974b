package ledger_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/ledger/ledgertest"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// store keeps ledgers in the real registry.
type store struct {
	s    *registrytest.Server
	do   *http.Client
	fail func(reference string) error // before a manifest is pushed
	cut  func(reference string) error // after it was pushed
	// untagged has a manifest stored by its digest, and then fails: it was cut
	// before the tag.
	untagged error
	// looks has the ledgers of plugins looked for where there is no tag.
	looks *ledger.Judge
}

func newStore(s *registrytest.Server) *store {
	return &store{s: s, do: &http.Client{Transport: s.ProcessTransport()}}
}

func (s *store) Reader(repo string) policy.Reader { return reader{s.s, repo, s.looks} }

func (s *store) PushBlob(ctx context.Context, repo string, content []byte) error {
	status, location, err := s.send(ctx, "POST", "/v2/"+repo+"/blobs/uploads/", "", nil)
	if err != nil || status != http.StatusAccepted {
		return fmt.Errorf("upload: %d: %w", status, err)
	}
	glue := "?"
	if strings.Contains(location, "?") {
		glue = "&"
	}
	location = strings.TrimPrefix(location, "http://registry")
	status, _, err = s.send(ctx, "PUT", location+glue+"digest="+digest.FromBytes(content).String(), "application/octet-stream", content)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("blob: status %d", status)
	}
	return err
}

func (s *store) PushManifest(ctx context.Context, repo, reference, mediaType string, content []byte) error {
	if s.fail != nil {
		if err := s.fail(reference); err != nil {
			return err
		}
	}
	if s.untagged != nil && !strings.HasPrefix(reference, "sha256:") {
		_, _, err := s.send(ctx, "PUT", "/v2/"+repo+"/manifests/"+digest.FromBytes(content).String(), mediaType, content)
		return cmp.Or(err, s.untagged)
	}
	status, _, err := s.send(ctx, "PUT", "/v2/"+repo+"/manifests/"+reference, mediaType, content)
	switch {
	case err != nil:
		return err
	case status == http.StatusConflict:
		return fmt.Errorf("refused: %w", artifact.ErrConflict)
	case status != http.StatusCreated:
		return fmt.Errorf("manifest: status %d", status)
	}
	if s.cut != nil {
		return s.cut(reference)
	}
	return nil
}

func (s *store) send(ctx context.Context, method, path, contentType string, body []byte) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://registry"+path, strings.NewReader(string(body)))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", contentType)
	resp, err := s.do.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header.Get("Location"), err
}

type reader struct {
	*registrytest.Server
	repo  string
	looks *ledger.Judge
}

func (r reader) Tag(ctx context.Context, tag string) (digest.Digest, error) {
	d, err := r.Storage.Resolve(ctx, r.repo, tag)
	ref, bad := format.RefOf(r.repo, tag)
	if r.looks == nil || bad != nil || !errors.Is(err, artifact.ErrNotFound) {
		return d, err
	}
	lost := statements.Lost(ctx, r.Storage, ref, nil, func(ctx context.Context, list *format.List) int {
		return r.looks.Judge(ctx, ref, list, r, format.Head{}).State.Head.Sequence
	})
	return "", cmp.Or(lost, err)
}

func (r reader) Manifest(ctx context.Context, d digest.Digest) (string, []byte, error) {
	return r.Server.Storage.Manifest(ctx, r.repo, d)
}

func (r reader) Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error) {
	return r.Server.Storage.Blob(ctx, r.repo, d, limit)
}

func (r reader) Referrers(context.Context, digest.Digest) ([]ocispec.Descriptor, error) {
	return nil, nil
}

// site is one that appends.
type site struct {
	t     *testing.T
	key   ledgertest.Key
	judge *ledger.Judge
	store *store
	*statements.Appender
}

func newSite(t *testing.T, s *registrytest.Server, key ledgertest.Key, trusted ...ledgertest.Key) *site {
	t.Helper()
	signers := []trust.Signer{key.Trusted}
	for _, k := range trusted {
		signers = append(signers, k.Trusted)
	}
	judge, err := ledger.New(ledger.Options{Platforms: signers})
	if err != nil {
		t.Fatal(err)
	}
	x := &site{t: t, key: key, judge: judge, store: newStore(s)}
	x.Appender = statements.New(statements.Options{Store: x.store, Judge: judge, Signer: key.Signer})
	return x
}

func (x *site) say(name string, kind format.Kind, actor string, body any) index.NewStatement {
	x.t.Helper()
	ref, err := format.ParseRef(name)
	if err != nil {
		x.t.Fatal(err)
	}
	raw, err := statements.Object(body)
	if err != nil {
		x.t.Fatal(err)
	}
	return index.NewStatement{Ledger: ref, Kind: kind, Actor: actor, Body: raw}
}

func (x *site) must(s index.NewStatement) index.LedgerEntry {
	x.t.Helper()
	e, err := x.Append(x.t.Context(), s)
	if err != nil {
		x.t.Fatal(err)
	}
	return e
}

func (x *site) state(name string) ledger.Judgement {
	x.t.Helper()
	ref, err := format.ParseRef(name)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.judge.Read(x.t.Context(), ref, x.store.Reader(ref.Repository()), format.Head{})
}

const acme = "oarlock/publishers:acme"

func TestAppendingMakesALedgerThatHolds_E1(t *testing.T) {
	t.Parallel()
	x := newSite(t, registrytest.New(t, registrytest.InMemory()), ledgertest.NewKey(t, "site"))
	x.must(x.say(acme, format.PublisherClaimed, "person:ada", format.Claimed{Owner: "person:ada"}))
	x.must(x.say(acme, format.MemberSet, "person:ada", format.Member{Principal: "person:bob", Role: "reader"}))
	last := x.must(x.say(acme, format.PublisherVerified, "admin:root", format.Verified{Evidence: format.EvidenceAdministrator}))
	x.must(x.say("acme/hello:oarlock-state", format.PluginDeprecated, "person:ada", format.Deprecated{Grounds: format.Grounds{Reason: format.ReasonAbandoned}}))
	got := x.state(acme)
	if got.Verdict().Outcome() != policy.Allow || got.Head != last.Head || got.Head.Sequence != 3 || !got.State.Publisher.IsVerified() {
		t.Errorf("got %+v", got)
	}
	if got := x.state("acme/hello:oarlock-state"); got.Verdict().Outcome() != policy.Allow || got.Head.Sequence != 1 {
		t.Errorf("the plugin's: %+v", got)
	}
}

func TestWhatMayNotBeSaidIsNotAppended_E1(t *testing.T) {
	t.Parallel()
	x := newSite(t, registrytest.New(t, registrytest.InMemory()), ledgertest.NewKey(t, "site"))
	x.must(x.say(acme, format.PublisherClaimed, "person:ada", format.Claimed{Owner: "person:ada"}))
	for says, row := range map[string]struct {
		s    index.NewStatement
		kind error
	}{
		"claimed twice":         {x.say(acme, format.PublisherClaimed, "person:eve", format.Claimed{Owner: "person:eve"}), artifact.ErrDenied},
		"a kind nobody knows":   {x.say(acme, "test.unheard", "person:ada", struct{}{}), artifact.ErrInvalid},
		"a role that is none":   {x.say(acme, format.MemberSet, "person:ada", format.Member{Principal: "person:bob", Role: "king"}), artifact.ErrInvalid},
		"the last owner goes":   {x.say(acme, format.MemberRemoved, "person:ada", format.Removed{Principal: "person:ada"}), artifact.ErrConflict},
		"a key nobody has":      {x.say(acme, format.KeyRevoked, "person:ada", format.KeyEnd{ID: "sha256:x", From: time.Now(), Reason: "x"}), artifact.ErrNotFound},
		"of nobody's publisher": {x.say("oarlock/publishers:examples", format.PublisherClosed, "person:ada", format.Closed{}), artifact.ErrDenied},
	} {
		_, err := x.Append(t.Context(), row.s)
		if !errors.Is(err, row.kind) {
			t.Errorf("%s: got %v, want %v", says, err, row.kind)
		}
		if rule := says != "a kind nobody knows"; errors.Is(err, statements.ErrRefused) != rule {
			t.Errorf("%s: %v is a refusal of the ledger: %t, want %t", says, err, !rule, rule)
		}
	}
	if got := x.state(acme); got.Head.Sequence != 1 {
		t.Errorf("%d statements, want 1", got.Head.Sequence)
	}
}

// Two replicas with the key of one site append at once: nothing is lost and
// nothing forks (E1).
func TestManyAppendAtOnceAndNothingIsLost_E1(t *testing.T) {
	t.Parallel()
	s, key := registrytest.New(t, registrytest.InMemory()), ledgertest.NewKey(t, "site")
	replicas := []*site{newSite(t, s, key), newSite(t, s, key)}
	replicas[0].must(replicas[0].say(acme, format.PublisherClaimed, "person:ada", format.Claimed{Owner: "person:ada"}))
	const each = 12
	var all sync.WaitGroup
	for n, x := range replicas {
		all.Go(func() {
			for i := range each {
				st := x.say(acme, format.MemberSet, "person:ada", format.Member{Principal: fmt.Sprintf("person:%d-%d", n, i), Role: "reader"})
				if _, err := x.Append(t.Context(), st); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := replicas[0].state(acme)
	if got.Verdict().Outcome() != policy.Allow || len(got.State.Publisher.Members) != 1+each*len(replicas) || got.Head.Sequence != 1+each*len(replicas) {
		t.Errorf("%d members at %s: %+v", len(got.State.Publisher.Members), got.Head, got.Findings)
	}
}

// Cut at any request, the same call again appends the statement once.
func TestAnAppendThatWasCutIsMadeUp_E1(t *testing.T) {
	t.Parallel()
	cut := errors.New("cut")
	for says, set := range map[string]func(*store){
		"before the statement is stored": func(s *store) { s.fail = func(string) error { return cut } },
		"before the ledger is set": func(s *store) {
			s.fail = func(ref string) error {
				if ref == "acme" {
					return cut
				}
				return nil
			}
		},
		"after the ledger is set": func(s *store) {
			s.cut = func(ref string) error {
				if ref == "acme" {
					return cut
				}
				return nil
			}
		},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			x := newSite(t, registrytest.New(t, registrytest.InMemory()), ledgertest.NewKey(t, "site"))
			x.must(x.say(acme, format.PublisherClaimed, "person:ada", format.Claimed{Owner: "person:ada"}))
			st := x.say(acme, format.MemberSet, "person:ada", format.Member{Principal: "person:bob", Role: "reader"})
			st.ID, st.Since = "once", time.Now()
			set(x.store)
			if _, err := x.Append(t.Context(), st); !errors.Is(err, cut) {
				t.Fatalf("got %v, want the cut", err)
			}
			x.store.fail, x.store.cut = nil, nil
			e := x.must(st)
			if again := says == "after the ledger is set"; e.Again != again {
				t.Errorf("again: %v, want %v", e.Again, again)
			}
			x.must(st)
			if got := x.state(acme); got.Head.Sequence != 2 || got.Verdict().Outcome() != policy.Allow {
				t.Errorf("%d statements, want 2: %+v", got.Head.Sequence, got.Findings)
			}
		})
	}
}

// A ledger whose very first list was stored when the server was killed, and its tag
// was not, is begun by who asks for its statement again, and by nobody else: to them it
// is one that lost its tag.
func TestAFirstAppendThatWasCutBeforeItsTagIsMadeUp_E1_E5(t *testing.T) {
	t.Parallel()
	x := newSite(t, registrytest.New(t, registrytest.InMemory()), ledgertest.NewKey(t, "site"))
	x.store.looks = x.judge
	const name = "acme/hello:" + artifact.StateTag
	body := format.Deprecated{Grounds: format.Grounds{Reason: "superseded"}}
	first := x.say(name, format.PluginDeprecated, "person:ada", body)
	first.Role, first.ID, first.Since = format.RolePlatform, "once", time.Now()
	x.store.untagged = errors.New("killed")
	if _, err := x.Append(t.Context(), first); !errors.Is(err, x.store.untagged) {
		t.Fatalf("got %v, want the kill", err)
	}
	x.store.untagged = nil
	other := first
	other.ID = "another"
	if _, err := x.Append(t.Context(), other); err == nil || !strings.Contains(err.Error(), "gone or empty") {
		t.Errorf("another statement is appended to what seems to be lost: %v", err)
	}
	if e := x.must(first); !e.Again || e.Head.Sequence != 1 {
		t.Errorf("asked for again, it is %+v", e)
	}
	if got := x.state(name); got.Head.Sequence != 1 || got.Verdict().Outcome() != policy.Allow {
		t.Errorf("the ledger has %d statements, want 1: %+v", got.Head.Sequence, got.Findings)
	}
}

// A first append that was cut before its tag, and of which nobody was told, is finished
// by who asks in the same words, goes on with who asks for something else, and is
// finished by itself. One that somebody was told of, or may have been, is lost.
func TestACutFirstAppendIsFinishedWhereNobodyWasTold_E1(t *testing.T) {
	t.Parallel()
	const name = "acme/hello:" + artifact.StateTag
	ref, err := format.ParseRef(name)
	if err != nil {
		t.Fatal(err)
	}
	type told func(context.Context, format.Ref, string, format.Head) (bool, error)
	begin := func(t *testing.T, told told) (*site, index.NewStatement) {
		x := newSite(t, registrytest.New(t, registrytest.InMemory()), ledgertest.NewKey(t, "site"))
		x.store.looks = x.judge
		x.Appender = statements.New(statements.Options{Store: x.store, Judge: x.judge, Signer: x.key.Signer, Told: told})
		first := x.say(name, format.PluginDeprecated, "person:ada", format.Deprecated{Grounds: format.Grounds{Reason: "superseded"}})
		first.Role, x.store.untagged = format.RolePlatform, errors.New("killed")
		if _, err := x.Append(t.Context(), first); !errors.Is(err, x.store.untagged) {
			t.Fatalf("got %v, want the kill", err)
		}
		x.store.untagged = nil
		return x, first
	}
	nobody := func(_ context.Context, of format.Ref, kind string, head format.Head) (bool, error) {
		if of != ref || kind != string(format.PluginDeprecated) || head.Sequence != 1 || head.Digest == "" {
			t.Errorf("asked about %s %s %+v", of, kind, head)
		}
		return false, nil
	}
	t.Run("asked for again", func(t *testing.T) {
		x, first := begin(t, nobody)
		if e := x.must(first); !e.Again || e.Head.Sequence != 1 || x.state(name).Head.Sequence != 1 {
			t.Errorf("it is %+v", e)
		}
	})
	t.Run("something else is asked for", func(t *testing.T) {
		x, first := begin(t, nobody)
		other := first
		other.Kind, other.Body = format.PluginUndeprecated, []byte("{}")
		if e, err := x.Append(t.Context(), other); err != nil || e.Again || e.Head.Sequence != 2 {
			t.Errorf("it is %+v, %v", e, err)
		}
	})
	t.Run("by itself", func(t *testing.T) {
		x, _ := begin(t, nobody)
		for _, want := range []bool{true, false} {
			if done, err := x.Finish(t.Context(), ref); done != want || err != nil {
				t.Errorf("finished: %v, %v", done, err)
			}
		}
		if got := x.state(name); got.Head.Sequence != 1 || got.Verdict().Outcome() != policy.Allow {
			t.Errorf("it has %d statements: %+v", got.Head.Sequence, got.Findings)
		}
	})
	for what, by := range map[string]told{
		"somebody was told": func(context.Context, format.Ref, string, format.Head) (bool, error) { return true, nil },
		"nobody can tell": func(context.Context, format.Ref, string, format.Head) (bool, error) {
			return false, errors.New("the log is behind")
		},
	} {
		t.Run(what, func(t *testing.T) {
			x, first := begin(t, by)
			if done, err := x.Finish(t.Context(), ref); done || err != nil {
				t.Errorf("finished: %v, %v", done, err)
			}
			if _, err := x.Append(t.Context(), first); err == nil || !strings.Contains(err.Error(), "gone or empty") {
				t.Errorf("a lost ledger goes on: %v", err)
			}
		})
	}
}

func TestTheLedgerOfAnotherPlatformIsLeftAlone_H4(t *testing.T) {
	t.Parallel()
	s, there := registrytest.New(t, registrytest.InMemory()), ledgertest.NewKey(t, "there")
	first := newSite(t, s, there)
	first.must(first.say(acme, format.PublisherClaimed, "person:ada", format.Claimed{Owner: "person:ada"}))
	mirror := newSite(t, s, ledgertest.NewKey(t, "here"), there)
	_, err := mirror.Append(t.Context(), mirror.say(acme, format.PublisherClosed, "admin:root", format.Closed{}))
	if !errors.Is(err, statements.ErrForeign) || !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("got %v, want that it is foreign", err)
	}
	stranger := newSite(t, s, ledgertest.NewKey(t, "stranger"))
	if _, err := stranger.Append(t.Context(), stranger.say(acme, format.PublisherClosed, "admin:root", format.Closed{})); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("a platform that trusts nobody else: got %v, want unverified", err)
	}
}

// TestASlowLedgerHoldsNobodyElse_E8: while the storage of one ledger stands still,
// others are appended to, and who waits for that one waits as long as they want.
func TestASlowLedgerHoldsNobodyElse_E8(t *testing.T) {
	t.Parallel()
	x := newSite(t, registrytest.New(t, registrytest.InMemory()), ledgertest.NewKey(t, "site"))
	stands, goes := make(chan struct{}), make(chan struct{})
	x.store.fail = func(ref string) error {
		if ref == "acme" {
			close(stands)
			<-goes
		}
		return nil
	}
	ended := make(chan error, 1)
	go func() {
		_, err := x.Append(t.Context(), x.say(acme, format.PublisherClaimed, "person:ada", format.Claimed{Owner: "person:ada"}))
		ended <- err
	}()
	<-stands
	x.must(x.say("oarlock/publishers:globex", format.PublisherClaimed, "person:bob", format.Claimed{Owner: "person:bob"}))
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, err := x.Append(left, x.say(acme, format.PublisherClosed, "person:ada", format.Closed{})); !errors.Is(err, context.Canceled) {
		t.Errorf("who left waits: %v", err)
	}
	close(goes)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
