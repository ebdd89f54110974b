package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/ocierror"
)

// maxForm is the longest body that the token server reads.
const maxForm = 64 << 10

// A TokenServer issues access tokens at /auth/token: to GET with Basic
// credentials or none, and to POST by the OAuth2 variant. Each token names
// only what its holder may do at that moment; fewer actions than were asked
// for, or none, is a normal answer.
//
// Source: distribution, "Token Authentication Specification" and "Oauth2
// Token Authentication".
type TokenServer struct {
	authority *Authority
	tokens    *Tokens
	failures  *Limiter
	address   func(*http.Request) string
}

// NewTokenServer makes the handler. Failed logins are counted by address,
// which says where a request comes from; nil takes its remote address.
// A nil limiter counts nothing.
func NewTokenServer(tokens *Tokens, failures *Limiter, address func(*http.Request) string) *TokenServer {
	if address == nil {
		address = RemoteAddress
	}
	return &TokenServer{tokens.may, tokens, failures, address}
}

// tokenRequest is what both variants ask for.
type tokenRequest struct {
	service  string
	clientID string
	scopes   []Scope
	offline  bool
}

// tokenAnswer is what both variants answer; token is the older name.
type tokenAnswer struct {
	Token        string    `json:"token"`
	AccessToken  string    `json:"access_token"`
	TokenType    string    `json:"token_type"`
	Scope        string    `json:"scope,omitempty"`
	ExpiresIn    int       `json:"expires_in"`
	IssuedAt     time.Time `json:"issued_at"`
	RefreshToken string    `json:"refresh_token,omitempty"`
}

// ServeHTTP implements http.Handler.
func (s *TokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		s.serveGet(w, r)
	case http.MethodPost:
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		s.servePost(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		refuse(w, r, http.StatusMethodNotAllowed, ocierror.New("UNSUPPORTED", "expected GET or POST", "method_not_allowed"))
	}
}

func (s *TokenServer) serveGet(w http.ResponseWriter, r *http.Request) {
	a := s.authority
	query := r.URL.Query()
	q, err := s.tokenRequest(query, strings.Join(query["scope"], " "))
	if err != nil {
		a.writeError(w, r, err)
		return
	}
	q.offline = query.Get("offline_token") == "true"
	p := Nobody()
	if header := r.Header.Get("Authorization"); header != "" {
		if p, err = s.login(r, header); err != nil {
			s.refuseGet(w, r, err)
			return
		}
	}
	answer, err := s.answer(r.Context(), p, q)
	if err != nil {
		a.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// login is the Basic credentials of a header.
func (s *TokenServer) login(r *http.Request, header string) (Principal, error) {
	scheme, rest, _ := strings.Cut(header, " ")
	password, ok := basicPassword(strings.TrimSpace(rest))
	if !ok || !strings.EqualFold(scheme, "basic") || len(header) > maxCredential {
		password = ""
	}
	return s.check(r, password, direct)
}

// check authenticates and counts what fails against the address.
func (s *TokenServer) check(r *http.Request, text string, kinds []TokenKind) (Principal, error) {
	from := "login " + callerFrom(s.address(r))
	if s.failures != nil {
		if err := s.failures.Check(from); err != nil {
			return Principal{}, err
		}
	}
	p, err := s.authority.Authenticate(r.Context(), text, kinds...)
	if errors.Is(err, artifact.ErrUnverified) && s.failures != nil {
		_ = s.failures.Take(from, 1)
	}
	s.authority.log.refusedLogin(r.Context(), text, err)
	return p, err
}

func (s *TokenServer) refuseGet(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, artifact.ErrUnverified) {
		err = &ChallengeError{Header: `Basic realm="` + quotable(s.authority.service) + `"`, Detail: withoutKind(err)}
	}
	s.authority.writeError(w, r, err)
}

func (s *TokenServer) servePost(w http.ResponseWriter, r *http.Request) {
	a := s.authority
	switch err := readForm(r); {
	case errors.Is(err, errSlowForm):
		writeOAuth(w, http.StatusRequestTimeout, "invalid_request", err.Error())
		return
	case err != nil:
		writeOAuth(w, http.StatusBadRequest, "invalid_request", "the body is no form, or too long")
		return
	}
	form := r.PostForm
	for name, values := range form {
		// RFC 6749, 3.2, lets no parameter be repeated. Of scope clients do it
		// all the same, one for each repository, and mean all of them, as in GET.
		if name != "scope" && len(values) > 1 {
			writeOAuth(w, http.StatusBadRequest, "invalid_request", fmt.Sprintf("parameter %.60q came %d times, expected once", name, len(values)))
			return
		}
	}
	q, err := s.tokenRequest(form, strings.Join(form["scope"], " "))
	if err != nil {
		writeOAuth(w, http.StatusBadRequest, "invalid_scope", err.Error())
		return
	}
	var p Principal
	refresh := ""
	switch form.Get("grant_type") {
	case "password":
		p, err = s.check(r, form.Get("password"), direct)
		q.offline = form.Get("access_type") == "offline"
	case "refresh_token":
		refresh = form.Get("refresh_token")
		p, err = s.check(r, refresh, append(slices.Clone(direct), RefreshToken))
	default:
		writeOAuth(w, http.StatusBadRequest, "unsupported_grant_type", "expected password or refresh_token")
		return
	}
	var answer tokenAnswer
	if err == nil {
		answer, err = s.answer(r.Context(), p, q)
	}
	switch {
	case errors.Is(err, artifact.ErrUnverified):
		writeOAuth(w, http.StatusUnauthorized, "invalid_grant", err.Error())
	case err != nil:
		a.writeError(w, r, err)
	default:
		if refresh != "" {
			answer.RefreshToken = refresh
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

func writeOAuth(w http.ResponseWriter, status int, code, detail string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": detail})
}

func (s *TokenServer) tokenRequest(v url.Values, scope string) (tokenRequest, error) {
	q := tokenRequest{service: v.Get("service"), clientID: v.Get("client_id")}
	if q.service != "" && q.service != s.authority.service {
		return q, invalid("service %.200q: this server issues tokens for %q", q.service, s.authority.service)
	}
	var err error
	q.scopes, err = ParseScopes(scope)
	return q, err
}

// answer issues an access token, and a refresh token when one was asked for
// and somebody is there to hold it.
func (s *TokenServer) answer(ctx context.Context, p Principal, q tokenRequest) (tokenAnswer, error) {
	granted, err := s.grant(ctx, p, q.scopes)
	if err != nil {
		return tokenAnswer{}, err
	}
	now := s.tokens.now().UTC().Truncate(time.Second)
	text, err := s.authority.who.signAccess(p, granted, now)
	if err != nil {
		return tokenAnswer{}, err
	}
	words := make([]string, len(granted))
	for i, scope := range granted {
		words[i] = scope.String()
	}
	answer := tokenAnswer{
		Token: text, AccessToken: text, TokenType: "Bearer", Scope: strings.Join(words, " "),
		ExpiresIn: int(s.authority.who.tokenLifetime / time.Second), IssuedAt: now,
	}
	if q.offline && p.LoggedIn() {
		t, _, err := s.tokens.issue(ctx, p, TokenRequest{
			Kind: RefreshToken, Label: labelOf(q.clientID), ExpiresAt: now.Add(s.tokens.refreshLifetime),
		}, p.Name, p.Session)
		if err != nil {
			return tokenAnswer{}, err
		}
		answer.RefreshToken = t.Reveal()
	}
	return answer, nil
}

// grant is the part of what was asked for that p may do.
func (s *TokenServer) grant(ctx context.Context, p Principal, scopes []Scope) ([]Scope, error) {
	var granted []Scope
	for _, asked := range scopes {
		resource, wanted := asked.asks()
		g := Scope{Type: asked.Type, Class: asked.Class, Name: asked.Name}
		for word, action := range wanted {
			d, err := s.authority.Decide(ctx, p, action, resource)
			if err != nil {
				return nil, err
			}
			if d.Allowed() {
				g.Actions = append(g.Actions, word)
			}
		}
		if len(g.Actions) > 0 {
			slices.Sort(g.Actions)
			granted = append(granted, g)
		}
	}
	return granted, nil
}

// labelOf makes a label of what a client calls itself.
func labelOf(client string) string {
	label := strings.Map(func(r rune) rune {
		if isLabel(string(r)) {
			return r
		}
		return '-'
	}, strings.ToLower(client))
	if label == "" {
		return "client"
	}
	return label[:min(len(label), 64)]
}

// ServeKeys answers with the public signing keys, as a JSON Web Key Set.
func (a *Authority) ServeKeys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, a.who.keys.JWKS())
}
