package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/registry"
)

// unanswered is a store of namespaces that does not answer, and counts who asks.
type unanswered struct{ asked atomic.Int32 }

func (u *unanswered) Namespace(context.Context, string) (auth.NamespaceRecord, error) {
	u.asked.Add(1)
	return auth.NamespaceRecord{}, errors.New("the database is gone")
}

func (u *unanswered) NamespacesPublic(context.Context) (map[string]bool, error) {
	return nil, errors.New("the database is gone")
}

// The gate decides once about each request, refused or not: a store that does
// not answer is waited for once.
func TestTheGateDecidesOnce_J2(t *testing.T) {
	t.Parallel()
	s, _ := startGuarded(t, nil)
	for _, action := range []registry.Action{registry.Pull, registry.Push, registry.Delete} {
		store := &unanswered{}
		stores := auth.OneDatabase(s.accounts.store)
		stores.Reader = store
		parts, err := auth.New(auth.Options{Stores: stores, Keys: s.accounts.keys, PublicURL: "http://127.0.0.1", Now: s.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		g := gate{accounts: &accounts{rights: rights{parts.Authority}}}
		ctx := auth.With(t.Context(), auth.Principal{Name: "user:ann", Kind: auth.Person})
		err = g.Admit(ctx, registry.Access{Principal: "user:ann", Action: action, Repository: "acme/hello"})
		if err == nil || errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrDenied) {
			t.Errorf("%s: %v, expected that it could not be told", action, err)
		}
		if n := store.asked.Load(); n != 1 {
			t.Errorf("%s: the store was asked %d times, expected once", action, n)
		}
	}
}
