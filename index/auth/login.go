package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/oarlock/oarlock/artifact"
)

// loginTime is how long somebody may take at the provider.
const loginTime = 10 * time.Minute

// LoginOptions are how people log in.
type LoginOptions struct {
	Provider ProviderOptions
	// SealKey protects what browsers hold during a login: 32 bytes that
	// replicas share; nil draws some.
	SealKey []byte
	// SessionLifetime of a login to the pages, twelve hours by default.
	SessionLifetime time.Duration
	// TokenLifetime of a token that the CLI gets, thirty days by default.
	TokenLifetime time.Duration
}

// A Login lets people in through an OpenID provider. It is an http.Handler of
//
//	GET  /auth/login?return_to=PATH   to the provider, and back to PATH
//	GET  /auth/callback               from the provider
//	GET  /auth/cli                    a login for a client that listens on loopback (RFC 8252)
//	POST /auth/cli/token              its code for a personal token
//	POST /auth/device                 a login on another device (RFC 8628)
//	POST /auth/device/token           its outcome: a personal token, or not yet
type Login struct {
	a        *Authority
	tokens   *Tokens
	accounts *Accounts
	o        LoginOptions
	provider *provider
	seal     *sealer
	mux      *http.ServeMux
}

// NewLogin makes a Login. It asks the provider for nothing yet.
func NewLogin(accounts *Accounts, o LoginOptions) (*Login, error) {
	if o.SessionLifetime <= 0 {
		o.SessionLifetime = sessionLifetime
	}
	if o.TokenLifetime <= 0 {
		o.TokenLifetime = 30 * 24 * time.Hour
	}
	p, err := newProvider(o.Provider, accounts.may.url+"/auth/callback")
	if err != nil {
		return nil, err
	}
	seal, err := newSealer(o.SealKey, accounts.now)
	if err != nil {
		return nil, err
	}
	l := &Login{a: accounts.may, tokens: accounts.tokens, accounts: accounts, o: o, provider: p, seal: seal, mux: http.NewServeMux()}
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /auth/login": l.start, "GET /auth/callback": l.finish,
		"GET /auth/cli": l.startCLI, "POST /auth/cli/token": l.finishCLI,
		"POST /auth/device": l.startDevice, "POST /auth/device/token": l.finishDevice,
	} {
		l.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			if err := handle(w, r); err != nil {
				l.refuse(w, r, err)
			}
		})
	}
	return l, nil
}

// ServeHTTP implements http.Handler.
func (l *Login) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.mux.ServeHTTP(w, r) }

// attempt is one login on its way, sealed into a cookie of the browser that
// began it.
type attempt struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	ReturnTo string `json:"return_to,omitempty"`
	CLI      *cli   `json:"cli,omitempty"`
}

func (l *Login) start(w http.ResponseWriter, r *http.Request) error {
	back := r.URL.Query().Get("return_to")
	if back == "" {
		back = "/"
	}
	if !isLocalPath(back) {
		return invalid("return_to %.200q: expected a path of this server", back)
	}
	return l.begin(w, r, attempt{ReturnTo: back})
}

// begin sends the browser to the provider.
func (l *Login) begin(w http.ResponseWriter, r *http.Request, at attempt) error {
	d, err := l.provider.discover(r.Context())
	if err != nil {
		return err
	}
	at.State, at.Nonce, at.Verifier = rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	text, err := l.seal.seal("login", at, loginTime)
	if err != nil {
		return err
	}
	l.a.setCookie(w, loginCookie, text, loginTime)
	http.Redirect(w, r, d.oauth.AuthCodeURL(at.State, oidc.Nonce(at.Nonce), oauth2.S256ChallengeOption(at.Verifier)), http.StatusSeeOther)
	return nil
}

// finish is where the provider sends the browser back to.
func (l *Login) finish(w http.ResponseWriter, r *http.Request) error {
	c, err := r.Cookie(l.a.cookieName(loginCookie))
	if err != nil {
		return denied("login: this browser did not begin one, or it took longer than %s: begin again", loginTime)
	}
	var at attempt
	if err := l.seal.open("login", c.Value, &at); err != nil {
		return fmt.Errorf("login: begin again: %w", err)
	}
	l.a.setCookie(w, loginCookie, "", -1)
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(at.State)) != 1 {
		return denied("login: the answer is not for the login that this browser began: begin again")
	}
	if code := q.Get("error"); code != "" {
		return denied("login: the provider said %.60q: %.200q", code, q.Get("error_description"))
	}
	person, err := l.exchange(r.Context(), q.Get("code"), at.Nonce, oauth2.VerifierOption(at.Verifier))
	if err != nil {
		return err
	}
	if at.CLI != nil {
		return l.handOver(w, r, person, *at.CLI)
	}
	by := Principal{Kind: Person, Name: person.Name}
	t, _, err := l.tokens.issue(r.Context(), by, TokenRequest{Kind: SessionToken, Label: "pages", ExpiresAt: l.tokens.expiresIn(l.o.SessionLifetime)}, person.Name, "")
	if err != nil {
		return err
	}
	l.a.setCookie(w, sessionCookie, t.Reveal(), l.o.SessionLifetime)
	http.Redirect(w, r, at.ReturnTo, http.StatusSeeOther)
	return nil
}

// exchange turns the provider's code into an account.
func (l *Login) exchange(ctx context.Context, code, nonce string, options ...oauth2.AuthCodeOption) (PersonRecord, error) {
	d, err := l.provider.discover(ctx)
	if err != nil {
		return PersonRecord{}, err
	}
	t, err := d.oauth.Exchange(l.provider.context(ctx), code, options...)
	if err != nil {
		return PersonRecord{}, exchangeError(err)
	}
	who, err := l.provider.identify(ctx, d, t, nonce)
	if err != nil {
		return PersonRecord{}, err
	}
	return l.accounts.admit(ctx, who)
}

// exchangeError tells a refusal by the provider from a provider that is away.
func exchangeError(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.ErrorCode != "" {
		return &providerError{code: refused.ErrorCode}
	}
	return fmt.Errorf("login: provider: %w", err)
}

// providerError is a refusal in the provider's own word. It wraps
// artifact.ErrDenied.
type providerError struct{ code string }

func (e *providerError) Error() string { return fmt.Sprintf("login: the provider said %.60q", e.code) }

func (e *providerError) Unwrap() error { return artifact.ErrDenied }

// refuse answers a person or a client: what they can mend is told, the rest is
// logged.
func (l *Login) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var said *providerError
	switch {
	case errors.As(err, &said):
		writeOAuth(w, http.StatusBadRequest, said.code, err.Error())
	case errors.Is(err, errSlowForm):
		writeOAuth(w, http.StatusRequestTimeout, "invalid_request", err.Error())
	case errors.Is(err, artifact.ErrInvalid):
		writeOAuth(w, http.StatusBadRequest, "invalid_request", err.Error())
	case errors.Is(err, artifact.ErrDenied), errors.Is(err, artifact.ErrUnverified), errors.Is(err, artifact.ErrConflict):
		l.a.logger.InfoContext(r.Context(), "login refused", "path", r.URL.Path, "err", err)
		writeOAuth(w, http.StatusForbidden, "access_denied", err.Error())
	default:
		l.a.logger.ErrorContext(r.Context(), "login", "path", r.URL.Path, "err", err)
		writeOAuth(w, http.StatusServiceUnavailable, "temporarily_unavailable", "the login could not be finished; try again")
	}
}

// isLocalPath refuses what a browser would take for another server.
func isLocalPath(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") &&
		!strings.ContainsAny(s, "\\\r\n\t")
}
