package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// TestOneAccountMakesSoManyTokens_B7: robots, personal tokens and invitations of
// one account share a bound; what has ended makes room, admins and the server
// itself are not refused, and what has ended does not pile up.
func TestOneAccountMakesSoManyTokens_B7(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.MaxTokens = 4 })
	ctx := t.Context()
	_, ada := s.person("ada") // one token
	ada = s.claim(ada, "acme")
	robot := func(by Principal, label string) (Token, error) {
		token, _, err := s.Tokens.Create(ctx, by, TokenRequest{Kind: RobotToken, Label: label, Namespace: "acme",
			Scopes: []Scope{mustScope(t, "repository:acme/*:pull")}, ExpiresAt: s.clock.Now().Add(time.Hour)})
		return token, err
	}
	first, err := robot(ada, "one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := robot(ada, "two"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Namespaces.Invite(ctx, ada, Invitation{Namespace: "acme", Role: RoleReader}); err != nil {
		t.Fatal(err)
	}
	var full *TokensError
	for _, err := range []error{
		errOf(robot(ada, "three")),
		errOf2(s.Namespaces.Invite(ctx, ada, Invitation{Namespace: "acme", Role: RoleReader})),
		errOf2(s.Tokens.Create(ctx, ada, TokenRequest{Kind: PersonalToken, Label: "laptop", ExpiresAt: s.clock.Now().Add(time.Hour)})),
	} {
		if !errors.As(err, &full) || full.Live != 4 || full.Limit != 4 || !errors.Is(err, artifact.ErrDenied) || !strings.Contains(err.Error(), "4") {
			t.Errorf("over the bound: %v", err)
		}
	}
	if err := s.Tokens.Revoke(ctx, ada, first.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := robot(ada, "three"); err != nil {
		t.Errorf("after one was revoked: %v", err)
	}
	_, admin := s.admin()
	for i := range 6 {
		if _, err := robot(admin, fmt.Sprint("admins-", i)); err != nil {
			t.Errorf("an admin: %v", err)
		}
		if _, _, err := s.Tokens.Recover(ctx, 0); err != nil {
			t.Errorf("recovery: %v", err)
		}
	}
	for i := range 20 { // made and revoked again and again
		token, err := robot(admin, fmt.Sprint("short-", i))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Tokens.Revoke(ctx, admin, token.ID()); err != nil {
			t.Fatal(err)
		}
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if ended := s.store.madeBy(admin.Name, nil, false, s.clock.Now()); len(ended) > 5 {
		t.Errorf("%d ended ones of one account are kept, want 4 and the last", len(ended))
	}
}

func errOf[A any](_ A, err error) error          { return err }
func errOf2[A, B any](_ A, _ B, err error) error { return err }

// TestOldestLoginsEnd_B7: logins without end leave as many refresh tokens as the
// bound; the newest goes on to work, the oldest ends.
func TestOldestLoginsEnd_B7(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.MaxTokens = 3 })
	token, ada := s.person("ada")
	var refresh []string
	for range 8 {
		s.clock.move(time.Second)
		_, body := s.do("POST", "/auth/token", "", url.Values{"grant_type": {"password"}, "service": {s.auth.service}, "access_type": {"offline"}, "password": {token.Reveal()}})
		answer := readIssued(t, body)
		if answer.RefreshToken == "" {
			t.Fatalf("login: %s", body)
		}
		refresh = append(refresh, answer.RefreshToken)
	}
	if live := s.store.madeBy(ada.Name, loginKinds, true, s.clock.Now()); len(live) != 3 {
		t.Errorf("%d logins last, want 3", len(live))
	}
	s.auth.forget()
	for i, want := range map[int]int{0: http.StatusUnauthorized, 4: http.StatusUnauthorized, 5: http.StatusOK, 7: http.StatusOK} {
		got, body := s.do("POST", "/auth/token", "", url.Values{"grant_type": {"refresh_token"}, "service": {s.auth.service}, "refresh_token": {refresh[i]}})
		if got.StatusCode != want {
			t.Errorf("login %d: %s %s, want %d", i, got.Status, body, want)
		}
	}
}
