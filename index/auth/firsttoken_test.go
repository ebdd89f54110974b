package auth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// TestFirstAndRecoveryTokensEnd_B5: whoever holds an ended one is told the way
// on, and nobody else learns that there was one.
func TestFirstAndRecoveryTokensEnd_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, made, err := s.Tokens.Bootstrap(t.Context(), FirstToken{Lifetime: time.Hour})
	if err != nil || !made {
		t.Fatal(made, err)
	}
	other, ends, err := s.Tokens.Recover(t.Context(), 2*time.Hour)
	if err != nil || !ends.Equal(s.clock.Now().Add(2*time.Hour)) {
		t.Fatal(ends, err)
	}
	s.clock.move(time.Hour - time.Second)
	admin := s.principal(first)
	list, err := s.Tokens.List(t.Context(), admin, "", false)
	if err != nil || len(list) != 2 || list[0].ExpiresAt.IsZero() || list[1].ExpiresAt.IsZero() {
		t.Errorf("listed without their end: %+v, %v", list, err)
	}
	s.clock.move(time.Second)
	if _, err := s.auth.Authenticate(t.Context(), first.Reveal(), direct...); !errors.Is(err, artifact.ErrUnverified) || !strings.Contains(err.Error(), "oarlock token recover") {
		t.Errorf("ended: %v", err)
	}
	guess := Token{first.id, newToken().secret}
	if _, err := s.auth.Authenticate(t.Context(), guess.Reveal(), direct...); !errors.Is(err, artifact.ErrUnverified) || err.Error() != errCredentials.Error() {
		t.Errorf("somebody who does not hold it is told %v", err)
	}
	s.principal(other)
	if _, made, err := s.Tokens.Bootstrap(t.Context(), FirstToken{}); made || err != nil {
		t.Errorf("after its end another is made: %v, %v", made, err)
	}
}

// TestAChosenFirstToken_B5 is refused where nobody drew it at random.
func TestAChosenFirstToken_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, text := range map[string]string{
		"a password": "hunter2", "cut": GenerateToken()[:40], "poor": Token{strings.Repeat("0", tokenIDLen), strings.Repeat("ab", 21) + "c"}.Reveal(),
	} {
		if _, made, err := s.Tokens.Bootstrap(t.Context(), FirstToken{Text: text}); made || !errors.Is(err, artifact.ErrInvalid) || strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, %v", name, made, err)
		}
	}
	unkept := errors.New("not kept")
	if _, made, err := s.Tokens.Bootstrap(t.Context(), FirstToken{Keep: func(Token, time.Time) error { return unkept }}); made || !errors.Is(err, unkept) {
		t.Errorf("not kept: %v, %v", made, err)
	}
	for range 1000 {
		if err := CheckChosen(GenerateToken()); err != nil {
			t.Fatal(err)
		}
	}
}
