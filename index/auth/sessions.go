package auth

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// SignInPath is the page where people sign in; a refused sign-in leads back to it
// with refused=token, many or form.
const SignInPath = "/login"

// Sessions begin and end logins to the pages. A session that began with a token
// ends with it, and may do what that may and no more. It is an http.Handler of
//
//	POST /auth/session   form: token, return_to; sets the cookie of a session
//	POST /auth/logout    ends the session
type Sessions struct {
	a        *Authority
	tokens   *Tokens
	logins   *TokenServer
	lifetime time.Duration
	mux      *http.ServeMux
}

// NewSessions makes the handler. Failed logins are counted by failures as those of
// the token server are; nil counts nothing. A lifetime of 0 is twelve hours.
func NewSessions(tokens *Tokens, failures *Limiter, lifetime time.Duration) *Sessions {
	if lifetime <= 0 {
		lifetime = sessionLifetime
	}
	s := &Sessions{a: tokens.may, tokens: tokens, logins: NewTokenServer(tokens, failures, nil), lifetime: lifetime, mux: http.NewServeMux()}
	s.mux.HandleFunc("POST /auth/session", s.begin)
	s.mux.HandleFunc("POST /auth/logout", s.logout)
	return s
}

// sessionLifetime of a login to the pages.
const sessionLifetime = 12 * time.Hour

// SessionPaths are the patterns that Sessions answer.
func SessionPaths() []string { return []string{"/auth/session", "/auth/logout"} }

// ServeHTTP implements http.Handler.
func (s *Sessions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	s.mux.ServeHTTP(w, r)
}

// begin takes a token for a session. A robot's token begins none: robots are
// programs, and a browser that held one would act as nobody in particular.
func (s *Sessions) begin(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		writeOAuth(w, http.StatusForbidden, "access_denied", "this form came from a page of another site: open "+SignInPath+" and send it again")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := readForm(r); errors.Is(err, errSlowForm) {
		writeOAuth(w, http.StatusRequestTimeout, "invalid_request", err.Error())
		return
	} else if err != nil {
		s.again(w, r, "form", "/")
		return
	}
	back := r.PostForm.Get("return_to")
	if !isLocalPath(back) {
		back = "/"
	}
	p, err := s.logins.check(r, r.PostForm.Get("token"), []TokenKind{PersonalToken, AdminToken})
	var many *TooManyError
	switch {
	case errors.As(err, &many):
		s.again(w, r, "many", back)
		return
	case errors.Is(err, artifact.ErrUnverified):
		s.again(w, r, "token", back)
		return
	case err != nil:
		s.away(w, r, err)
		return
	}
	q := TokenRequest{Kind: SessionToken, Label: "pages", ExpiresAt: s.tokens.expiresIn(s.lifetime)}
	t, _, err := s.tokens.issue(r.Context(), p, q, p.Name, p.Session)
	if err != nil {
		s.away(w, r, err)
		return
	}
	s.a.setCookie(w, sessionCookie, t.Reveal(), s.lifetime)
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// again leads back to the page where people sign in, which says why.
func (s *Sessions) again(w http.ResponseWriter, r *http.Request, why, back string) {
	http.Redirect(w, r, SignInPath+"?"+url.Values{"refused": {why}, "return_to": {back}}.Encode(), http.StatusSeeOther)
}

func (s *Sessions) away(w http.ResponseWriter, r *http.Request, err error) {
	s.a.logger.ErrorContext(r.Context(), "session", "path", r.URL.Path, "err", err)
	writeOAuth(w, http.StatusServiceUnavailable, "temporarily_unavailable", "it could not be told who you are; try again")
}

// logout ends the session of the cookie, whatever its token may do besides.
func (s *Sessions) logout(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		writeOAuth(w, http.StatusForbidden, "access_denied", "logout: "+err.Error())
		return
	}
	if c, err := r.Cookie(s.a.cookieName(sessionCookie)); err == nil {
		p, err := s.a.Authenticate(r.Context(), c.Value, SessionToken)
		if err == nil {
			p.Scopes, p.Access = nil, nil // to end itself a session needs no right
			err = s.tokens.Revoke(r.Context(), p, p.Session)
		}
		if err != nil && !errors.Is(err, artifact.ErrUnverified) {
			s.away(w, r, err)
			return
		}
	}
	s.a.setCookie(w, sessionCookie, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
