package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// Proves B4: a name that the registry holds something of is given by an admin
// and nobody else, and does not become public or open by that.
func TestAHeldNameIsNotFree_B4(t *testing.T) {
	t.Parallel()
	closed := time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC)
	s := newSite(t, func(o *Options) {
		o.Content = content{"acme": {}, "secretco": {Private: true}, "ended": {ClosedAt: closed, PublishingOff: true}, "plugins": {}}
	})
	ctx := t.Context()
	_, admin := s.admin()
	_, ada := s.person("ada")
	var held *HeldError
	if _, err := s.Namespaces.Claim(ctx, ada, "acme"); !errors.As(err, &held) || !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("an account claims a held name: %v", err)
	}
	var taken *TakenError
	if _, err := s.Namespaces.Claim(ctx, ada, "acm3"); !errors.As(err, &taken) || taken.Resembles != "" || strings.Contains(err.Error(), `"acme"`) {
		t.Errorf("an account claims one that looks like a held name, which may be private: %v", err)
	}
	if _, err := s.Namespaces.Claim(ctx, admin, "acm3"); !errors.As(err, &taken) || taken.Resembles != "acme" {
		t.Errorf("an admin claims one that looks like a held name: %v", err)
	}
	if _, err := s.Namespaces.Claim(ctx, admin, "plugins"); !errors.As(err, &taken) {
		t.Errorf("a reserved name is nobody's, held or not: %v", err)
	}
	for name, want := range map[string]NamespaceRecord{
		"acme": {Public: true}, "secretco": {}, "ended": {Public: true, PublishingOff: true, ClosedAt: closed},
	} {
		n, err := s.Namespaces.ClaimWith(ctx, admin, name, NamespaceSettings{Public: true})
		if err != nil || n.Public != want.Public || n.PublishingOff != want.PublishingOff || !n.ClosedAt.Equal(want.ClosedAt) {
			t.Errorf("an admin gives %s: %+v %v", name, n, err)
		}
	}
	if err := s.Namespaces.Transfer(ctx, admin, "acme", ada.Name); err != nil {
		t.Errorf("an admin gives it on: %v", err)
	}
}

// silent is a registry that cannot say what it holds.
type silent struct{ content }

var errMute = errors.New("the disk is gone")

func (silent) Namespaces(context.Context) ([]string, error) { return nil, errMute }

// Not knowing what the registry holds, nothing is free.
func TestNothingIsClaimedWhereTheRegistryCannotSay_B4(t *testing.T) {
	t.Parallel()
	for name, holds := range map[string]Content{"an error": silent{}, "nobody to ask": nil} {
		s := newSite(t, func(o *Options) { o.Content = holds })
		_, admin := s.admin()
		_, err := s.Namespaces.Claim(t.Context(), admin, "acme")
		if err == nil || errors.Is(err, artifact.ErrConflict) || errors.Is(err, artifact.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestARefusedClaimNamesNothingPrivate_B9: to who may know of it a look-alike is named.
func TestARefusedClaimNamesNothingPrivate_B9(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.Content = content{} })
	ctx := t.Context()
	_, admin := s.admin()
	token, owner := s.person("olga")
	_, eve := s.person("eve")
	for name, public := range map[string]bool{"secretco": false, "openhouse": true} {
		if _, err := s.Namespaces.ClaimWith(ctx, owner, name, NamespaceSettings{Public: public}); err != nil {
			t.Fatal(err)
		}
	}
	owner = s.principal(token)
	for _, c := range []struct {
		who   Principal
		name  string
		named string
	}{
		{eve, "secretc0", ""}, {owner, "secretc0", "secretco"}, {admin, "secretc0", "secretco"}, {eve, "openh0use", "openhouse"}, {eve, "reg1stry", "registry"},
	} {
		var taken *TakenError
		_, err := s.Namespaces.Claim(ctx, c.who, c.name)
		if !errors.As(err, &taken) || taken.Resembles != c.named || c.named == "" && strings.Contains(Problem(err).Error(), "secretco") {
			t.Errorf("%s claims %s: %v", c.who.Name, c.name, err)
		}
	}
}

// TestWhatCannotBeToldIsNoErrorOfTheServer_B4: who asks for a name while the registry or
// the store gives no answer is told so, and to ask again.
func TestWhatCannotBeToldIsNoErrorOfTheServer_B4(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.Content = silent{} })
	_, ada := s.person("ada")
	_, err := s.Namespaces.Claim(t.Context(), ada, "acme")
	var untold *UntoldError
	if !errors.As(err, &untold) || errors.Is(err, artifact.ErrDenied) || errors.Is(err, artifact.ErrConflict) || untold.Away() != "could not tell which names are free" {
		t.Errorf("%v", err)
	}
}
