package client_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// saying is a verifier that always says the same.
type saying struct {
	status index.SignatureStatus
	signer string
	err    error
}

func (v saying) Verify(context.Context, client.Subject) (index.Signature, error) {
	return index.Signature{Status: v.status, Signer: v.signer}, v.err
}

// What is installed already is verified by every change: whoever signed it may
// be trusted no more. Proves C9.
func TestWhatTheStoreHoldsIsVerifiedAgain_C9(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/lib", "1.0.0", release{})
	s.publish(t, "acme/tool", "1.0.0", needs("acme/lib", "^1"))
	s.publish(t, "acme/other", "1.0.0", release{})
	dir := filepath.Join(t.TempDir(), "plugins")
	install(t, openStore(t, s, dir), "acme/tool")

	for _, judge := range []saying{
		{err: fmt.Errorf("not signed by whom we trust: %w", artifact.ErrUnverified)},
		{err: fmt.Errorf("could not tell")},
		{status: index.SignatureUnsigned},
	} {
		store := openStore(t, s, dir, func(o *client.StoreOptions) {
			o.Puller = newPuller(t, func(p *client.PullOptions) { p.Verifier = judge })
		})
		for what, change := range map[string]func() (*client.Change, error){
			"update":  func() (*client.Change, error) { return store.Update(t.Context()) },
			"install": func() (*client.Change, error) { return store.Install(t.Context(), index.Want{ID: "acme/tool"}) },
			"another": func() (*client.Change, error) { return store.Install(t.Context(), index.Want{ID: "acme/other"}) },
		} {
			if c, err := change(); err == nil {
				t.Errorf("%s with %+v: serial %d, expected a refusal", what, judge, c.Serial)
			}
		}
	}
	if got := active(t, openStore(t, s, dir)); got != "acme/lib 1.0.0, acme/tool 1.0.0" {
		t.Errorf("after the refusals %s is active", got)
	}

	store := openStore(t, s, dir, func(o *client.StoreOptions) {
		o.Puller = newPuller(t, func(p *client.PullOptions) {
			p.Verifier = saying{status: index.SignatureVerified, signer: "somebody else"}
		})
	})
	if _, err := store.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := store.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Signature.Signer != "somebody else" {
		t.Errorf("listed %+v, %v: expected who is trusted now", list, err)
	}
}

// A change that names no host stays in the set that fits the host there is.
// Proves A8.
func TestTheStoreRemembersWhatItWasAskedWith_A8(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{plugin: map[string]any{"engines": map[string]any{"acme-editor": ">=1 <4"}}})
	dir := filepath.Join(t.TempDir(), "plugins")
	from := client.Origin{Server: "https://plugins.example.org", Policy: "/etc/trust.yaml"}
	install(t, openStore(t, s, dir, func(o *client.StoreOptions) { o.Origin = from }), "acme/tool")
	s.publish(t, "acme/tool", "2.0.0", release{plugin: map[string]any{"engines": map[string]any{"acme-editor": ">=4"}}})

	forgetful := func(o *client.StoreOptions) { o.Host = index.HostQuery{} }
	store := openStore(t, s, dir, forgetful)
	if _, err := store.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); got != "acme/tool 1.0.0" {
		t.Errorf("updated for no host: %s", got)
	}
	newer := openStore(t, s, dir, func(o *client.StoreOptions) { o.Host = index.HostQuery{Version: "4.0"} })
	if _, err := newer.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := active(t, newer); got != "acme/tool 2.0.0" {
		t.Errorf("updated for the newer host: %s", got)
	}
	got, err := client.ReadRemembered(dir)
	if err != nil || got.Host != (index.HostQuery{ID: "acme-editor", Version: "4.0"}) || got.Origin != from || got.Platform == "" {
		t.Errorf("remembered %+v, %v", got, err)
	}
	if _, err := openStore(t, s, dir, forgetful).Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := client.ReadRemembered(dir); err != nil || got.Host.Version != "3.0" {
		t.Errorf("rolled back, it remembers %+v, %v", got, err)
	}
	l, err := client.ReadLockfile(filepath.Join(dir, "oarlock-lock.json"))
	if err != nil || l.Host.Version != "3.0" || l.Platform == "" {
		t.Errorf("rolled back, the lock file says %+v, %v", l, err)
	}
}
