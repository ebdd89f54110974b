package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

const (
	bootstrapAdmin = "admin:bootstrap"
	recoveryAdmin  = "admin:recovery"
	// minDistinct is how many different characters the secret of a token has at
	// least that was drawn at random: of 43 in base 62, some 31 differ.
	minDistinct = 16
)

// A FirstToken says how the first admin token of a site is made.
type FirstToken struct {
	// Text is the token that who deploys the site has chosen; "" draws one.
	Text string
	// Lifetime is for how long it is good; 0 is for ever.
	Lifetime time.Duration
	// Keep, if set, is given the token before it counts. Its error unmakes it.
	Keep func(t Token, ends time.Time) error
}

// GenerateToken draws the text of a token that nobody has yet.
func GenerateToken() string { return newToken().Reveal() }

// CheckChosen says why the text of a token that somebody brings cannot be the one
// of an admin: it is none, or nobody drew it at random. Errors wrap
// artifact.ErrInvalid and never quote it.
func CheckChosen(text string) error {
	t, err := ParseToken(text)
	if err != nil {
		return err
	}
	distinct := map[rune]bool{}
	for _, c := range t.secret {
		distinct[c] = true
	}
	if len(distinct) < minDistinct {
		return invalid("token: %d different characters in its secret, so it was not drawn at random: make one by `oarlock token generate`", len(distinct))
	}
	return nil
}

// Bootstrap makes the first admin token when there is none yet, and says when it
// ends. It returns false when there is, or was, one.
func (ts *Tokens) Bootstrap(ctx context.Context, o FirstToken) (t Token, made bool, err error) {
	t = newToken()
	if o.Text != "" {
		if err := CheckChosen(o.Text); err != nil {
			return Token{}, false, err
		}
		t, _ = ParseToken(o.Text)
	}
	err = ts.tx.InTx(ctx, func(ctx context.Context) error {
		known, err := ts.store.ListTokens(ctx, "", bootstrapAdmin)
		if err != nil || slices.ContainsFunc(known, ts.open.lasts) {
			return err
		}
		made = true
		rec, err := ts.issueAs(ctx, t, NewProcess("bootstrap"), TokenRequest{Kind: AdminToken, Label: "bootstrap", ExpiresAt: ts.endOf(o.Lifetime)}, bootstrapAdmin, "")
		if err == nil && o.Keep != nil {
			err = o.Keep(t, rec.ExpiresAt)
		}
		return err
	})
	if err != nil || !made {
		return Token{}, false, err
	}
	return t, true, nil
}

// Recover makes another admin token, good for lifetime, or for ever where that is
// 0, for an operator who lost the others and holds the database. It asks nobody:
// only a command on the server's own machine may reach it.
func (ts *Tokens) Recover(ctx context.Context, lifetime time.Duration) (Token, time.Time, error) {
	t, rec, err := ts.issue(ctx, NewProcess("recover"), TokenRequest{Kind: AdminToken, Label: "recovery", ExpiresAt: ts.endOf(lifetime)}, recoveryAdmin, "")
	return t, rec.ExpiresAt, err
}

func (ts *Tokens) endOf(lifetime time.Duration) time.Time {
	if lifetime <= 0 {
		return time.Time{}
	}
	return ts.expiresIn(lifetime)
}

// An endedAdmin is an admin token whose time is over. To whoever does not hold it
// it is a credential that does not hold, and says no more.
type endedAdmin struct{ record TokenRecord }

func (e *endedAdmin) Error() string { return errCredentials.Error() }

// Unwrap makes errors.Is(err, artifact.ErrUnverified) hold.
func (e *endedAdmin) Unwrap() error { return errCredentials }

// told is the reason for one who shows that he held it.
func (e *endedAdmin) told() error {
	return fmt.Errorf("credentials: the token of %s ended at %s: log in with another admin token, or make one on the server's machine: `oarlock token recover`: %w",
		strings.TrimSpace(e.record.Principal), e.record.ExpiresAt.UTC().Format(time.RFC3339), artifact.ErrUnverified)
}
