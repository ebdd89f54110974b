package auth

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/oarlock/oarlock/artifact"
)

// codeTime is how long a client may take to come for its token.
const codeTime = time.Minute

// cli is a client that waits on loopback for a login.
type cli struct {
	Redirect  string `json:"redirect"`
	State     string `json:"state"`
	Challenge string `json:"challenge"`
	Label     string `json:"label"`
}

// handover is the code that such a client gets: a token of one use, and what
// the client has to know to use it.
type handover struct {
	Token     string `json:"token"`
	Challenge string `json:"challenge"`
	Label     string `json:"label"`
}

// TokenAnswer is what the CLI gets at the end of a login.
type TokenAnswer struct {
	Token     string    `json:"token"`
	ID        string    `json:"id"`
	Principal string    `json:"principal"`
	ExpiresAt time.Time `json:"expires_at"`
}

// startCLI begins a login for a client on loopback. Parameters: redirect_uri
// (http on a loopback address, with a port), state, code_challenge with
// code_challenge_method=S256, and label.
func (l *Login) startCLI(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	c := cli{Redirect: q.Get("redirect_uri"), State: q.Get("state"), Challenge: q.Get("code_challenge"), Label: labelOf(q.Get("label"))}
	switch {
	case !isLoopback(c.Redirect):
		return invalid("redirect_uri %.200q: expected http://127.0.0.1:PORT/… or http://[::1]:PORT/…", c.Redirect)
	case c.State == "" || len(c.State) > 200:
		return invalid("state: expected 1 to 200 bytes")
	case q.Get("code_challenge_method") != "S256" || len(c.Challenge) != 43:
		return invalid("code_challenge: expected one of method S256")
	}
	return l.begin(w, r, attempt{CLI: &c})
}

// handOver sends the browser to the client with a code that only the client
// can use, once.
func (l *Login) handOver(w http.ResponseWriter, r *http.Request, person PersonRecord, c cli) error {
	by := Principal{Kind: Person, Name: person.Name}
	t, _, err := l.tokens.issue(r.Context(), by, TokenRequest{Kind: CodeToken, Label: c.Label, ExpiresAt: l.tokens.expiresIn(codeTime)}, person.Name, "")
	if err != nil {
		return err
	}
	code, err := l.seal.seal("code", handover{t.Reveal(), c.Challenge, c.Label}, codeTime)
	if err != nil {
		return err
	}
	u, err := url.Parse(c.Redirect)
	if err != nil {
		return invalid("redirect_uri: %v", err)
	}
	q := u.Query()
	q.Set("code", code)
	q.Set("state", c.State)
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
	return nil
}

// finishCLI gives the client its token. Form: code, code_verifier.
func (l *Login) finishCLI(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	var h handover
	if err := l.seal.open("code", r.PostForm.Get("code"), &h); err != nil {
		return err
	}
	challenge := oauth2.S256ChallengeFromVerifier(r.PostForm.Get("code_verifier"))
	if subtle.ConstantTimeCompare([]byte(challenge), []byte(h.Challenge)) != 1 {
		return denied("code: the verifier is not that of the client who began")
	}
	p, err := l.a.Authenticate(r.Context(), h.Token, CodeToken)
	if err != nil {
		return err
	}
	// Of two who come with the same code, the store lets one.
	err = l.tokens.store.RevokeToken(r.Context(), p.Session, l.tokens.now().UTC())
	l.a.forget()
	if errors.Is(err, artifact.ErrConflict) {
		return denied("code: it was used already")
	}
	if err != nil {
		return err
	}
	return l.give(w, r, p.Name, h.Label)
}

// give makes a personal token and answers with it.
func (l *Login) give(w http.ResponseWriter, r *http.Request, person, label string) error {
	by := Principal{Kind: Person, Name: person}
	t, rec, err := l.tokens.issue(r.Context(), by, TokenRequest{Kind: PersonalToken, Label: label, ExpiresAt: l.tokens.expiresIn(l.o.TokenLifetime)}, person, "")
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, TokenAnswer{t.Reveal(), rec.ID, person, rec.ExpiresAt})
	return nil
}

// device is a login on another device, sealed for the client that polls.
type device struct {
	Code  string `json:"code"`
	Label string `json:"label"`
}

// DeviceAnswer is what the CLI shows to begin a login on another device.
type DeviceAnswer struct {
	// Handle names the login at /auth/device/token.
	Handle string `json:"handle"`
	// UserCode is typed at VerificationURI, unless VerificationURIComplete is used.
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete,omitempty"`
	// ExpiresIn and Interval are seconds; Interval is how often to ask.
	ExpiresIn int64 `json:"expires_in"`
	Interval  int64 `json:"interval"`
}

func (l *Login) startDevice(w http.ResponseWriter, r *http.Request) error {
	d, err := l.provider.discover(r.Context())
	if err != nil {
		return err
	}
	if d.oauth.Endpoint.DeviceAuthURL == "" {
		return &providerError{code: "unsupported_grant_type"}
	}
	if err := readForm(r); err != nil {
		return err
	}
	got, err := d.oauth.DeviceAuth(l.provider.context(r.Context()))
	if err != nil {
		return exchangeError(err)
	}
	life := loginTime
	if !got.Expiry.IsZero() {
		life = min(life, time.Until(got.Expiry))
	}
	handle, err := l.seal.seal("device", device{got.DeviceCode, labelOf(r.PostForm.Get("label"))}, life)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, DeviceAnswer{
		handle, got.UserCode, got.VerificationURI, got.VerificationURIComplete, int64(life / time.Second), max(got.Interval, 1),
	})
	return nil
}

// finishDevice asks the provider once. "authorization_pending" and
// "slow_down" mean to ask again later; the client waits, not the server.
func (l *Login) finishDevice(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	var dev device
	if err := l.seal.open("device", r.PostForm.Get("handle"), &dev); err != nil {
		return fmt.Errorf("device: begin again: %w", err)
	}
	person, err := l.exchange(r.Context(), "", "",
		oauth2.SetAuthURLParam("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
		oauth2.SetAuthURLParam("device_code", dev.Code))
	if err != nil {
		return err
	}
	return l.give(w, r, person.Name, dev.Label)
}

// isLoopback accepts what RFC 8252, section 7.3, lets a native client use.
// "localhost" is not among it: a resolver may say that it is elsewhere.
func isLoopback(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Fragment != "" || u.Port() == "" || len(s) > 500 {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}
