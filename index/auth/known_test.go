package auth

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

// A mute store can stop answering: a question waits until its context ends.
type mute struct {
	*memory
	silent atomic.Bool
}

func (m *mute) wait(ctx context.Context) error {
	if !m.silent.Load() {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (m *mute) Namespace(ctx context.Context, name string) (NamespaceRecord, error) {
	if err := m.wait(ctx); err != nil {
		return NamespaceRecord{}, err
	}
	return m.memory.Namespace(ctx, name)
}

func (m *mute) NamespacesPublic(ctx context.Context) (map[string]bool, error) {
	if err := m.wait(ctx); err != nil {
		return nil, err
	}
	return m.memory.NamespacesPublic(ctx)
}

func (m *mute) Token(ctx context.Context, id string) (TokenRecord, error) {
	if err := m.wait(ctx); err != nil {
		return TokenRecord{}, err
	}
	return m.memory.Token(ctx, id)
}

func (m *mute) TouchToken(ctx context.Context, id string, at time.Time) error {
	if err := m.wait(ctx); err != nil {
		return err
	}
	return m.memory.TouchToken(ctx, id, at)
}

// silentSite knows a public and a private namespace, and then its store says nothing.
func silentSite(t *testing.T) (*site, *mute, Principal) {
	t.Helper()
	store := &mute{}
	s := newSite(t, func(o *Options) { store.memory = o.Stores.Tokens.(*memory); o.Stores = OneDatabase(store) })
	_, admin := s.admin()
	owner := s.claim(admin, "acme")
	if _, err := s.Namespaces.Configure(t.Context(), owner, "acme", NamespaceSettings{Public: true}); err != nil {
		t.Fatal(err)
	}
	s.claim(admin, "secretco")
	if err := s.auth.Learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.clock.move(CacheTTL)
	store.silent.Store(true)
	return s, store, owner
}

// TestACredentialWaitsForTheStoreOnlySoLong_K7: a store that is silent holds
// nobody up who sends a token, which then is neither good nor bad.
func TestACredentialWaitsForTheStoreOnlySoLong_K7(t *testing.T) {
	t.Parallel()
	store := &mute{}
	s := newSite(t, func(o *Options) { store.memory = o.Stores.Tokens.(*memory); o.Stores = OneDatabase(store) })
	_, admin := s.admin()
	owner := s.claim(admin, "acme")
	robot := s.robot(owner, "acme", "repository:acme/*:pull")
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second) // a hang ends
	defer cancel()
	ask := func() (time.Duration, error) {
		began := time.Now()
		_, err := s.auth.Authenticate(ctx, robot.Reveal(), RobotToken)
		return time.Since(began), err
	}
	if _, err := ask(); err != nil {
		t.Fatal(err)
	}
	store.silent.Store(true)
	s.clock.move(CacheTTL + time.Second)
	if took, err := ask(); took > 30*time.Second || err == nil || errors.Is(err, artifact.ErrUnverified) || errors.Is(err, artifact.ErrDenied) {
		t.Errorf("after %v: %v, expected that it could not be told", took, err)
	}
}

// TestKnownNamespacesServeReads_K7: while the store does not answer, what was
// public may be pulled, what was private may not, nothing else is allowed, and
// after KnownFor nothing at all.
func TestKnownNamespacesServeReads_K7(t *testing.T) {
	t.Parallel()
	s, store, _ := silentSite(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second) // a hang ends
	defer cancel()
	decide := func(a Action, namespace string) (policy.Outcome, error) {
		d, err := s.auth.Decide(ctx, Nobody(), a, InRepository(namespace+"/hello"))
		return d.Outcome, err
	}
	for range 3 {
		if got, err := decide(RepositoryPull, "acme"); got != policy.Allow || err != nil {
			t.Errorf("a public one: %v, %v", got, err)
		}
		for _, name := range []string{"secretco", "nobodys"} {
			if got, err := decide(RepositoryPull, name); got != policy.Deny || err != nil {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		visibility, err := s.auth.Visibility(ctx, Nobody())
		if err != nil || !visibility.Pulls("acme/hello") || visibility.Pulls("secretco/hello") || visibility.Pulls("nobodys/hello") {
			t.Errorf("the catalog: %v", err)
		}
		s.clock.move(KnownFor / 4)
	}
	if got, err := decide(RepositoryPush, "acme"); got == policy.Allow || err == nil {
		t.Errorf("a push: %v, %v", got, err)
	}
	if since, serves := s.auth.Silent(); since.IsZero() || !serves {
		t.Errorf("silent since %v, serves %v", since, serves)
	}
	s.clock.move(KnownFor / 4)
	if got, err := decide(RepositoryPull, "acme"); got == policy.Allow || err == nil {
		t.Errorf("a public one, long after: %v, %v", got, err)
	}
	if _, err := s.auth.Visibility(ctx, Nobody()); err == nil {
		t.Error("the catalog, long after")
	}
	if since, serves := s.auth.Silent(); since.IsZero() || serves {
		t.Errorf("long after: silent since %v, serves %v", since, serves)
	}
	store.silent.Store(false)
	s.clock.move(askAgain)
	if err := s.auth.Learn(ctx); err != nil {
		t.Fatal(err)
	}
	if since, _ := s.auth.Silent(); !since.IsZero() {
		t.Error("it answers, and is said to be silent")
	}
	if got, err := decide(RepositoryPull, "acme"); got != policy.Allow || err != nil {
		t.Errorf("when it answers again: %v, %v", got, err)
	}
}

// TestAChangeIsNeverUndoneByWhatWasKnown_K7: what was made private here stays so
// when the store falls silent right after, also where the change was cut.
func TestAChangeIsNeverUndoneByWhatWasKnown_K7(t *testing.T) {
	t.Parallel()
	s, store, owner := silentSite(t)
	store.silent.Store(false)
	cut := errors.New("cut")
	s.Namespaces.changed = func(context.Context, NamespaceChange) error { return cut }
	if _, err := s.Namespaces.Configure(t.Context(), owner, "acme", NamespaceSettings{}); !errors.Is(err, cut) {
		t.Fatal(err)
	}
	store.silent.Store(true)
	d, err := s.auth.Decide(t.Context(), Nobody(), RepositoryPull, InRepository("acme/hello"))
	if err == nil || d.Outcome == policy.Allow {
		t.Errorf("%v, %v", d, err)
	}
}

// TestWhoLeavesDoesNotSilenceTheStore: a caller whose context ends is no sign of
// a store that does not answer.
func TestWhoLeavesDoesNotSilenceTheStore(t *testing.T) {
	t.Parallel()
	s, _, _ := silentSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.auth.Decide(ctx, Nobody(), RepositoryPush, InRepository("acme/hello")); err == nil || errors.Is(err, artifact.ErrDenied) {
		t.Error(err)
	}
	if since, _ := s.auth.Silent(); !since.IsZero() {
		t.Error("it is said to be silent")
	}
}
