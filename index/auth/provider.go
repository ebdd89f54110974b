package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/outbound"
)

// ProviderOptions name an OpenID provider. Issuer and ClientID are needed.
type ProviderOptions struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	// Scopes to ask for besides "openid"; profile and email by default.
	Scopes []string
	// Grants are the roles that claims give. They are looked at when somebody
	// logs in, and replace those of the login before.
	Grants []GrantRule
	// Client speaks to the provider; nil is a guarded one with a timeout of ten
	// seconds, which reaches public addresses, the issuer's host and Reach.
	Client *http.Client
	// Reach says what else may be reached, since a provider names the places of
	// its tokens and keys.
	Reach outbound.Options
}

// provider is an OpenID provider, asked for its settings when it is first
// needed, so that a server starts while the provider is away.
type provider struct {
	o        ProviderOptions
	callback string

	asking singleflight.Group // one question at a time
	known  atomic.Pointer[discovered]
}

type discovered struct {
	oidc     *oidc.Provider
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newProvider(o ProviderOptions, callback string) (*provider, error) {
	var problems []error
	if o.Issuer == "" {
		problems = append(problems, invalid("login: Issuer is missing"))
	}
	if o.ClientID == "" {
		problems = append(problems, invalid("login: ClientID is missing"))
	}
	for _, g := range o.Grants {
		if err := g.Check(); err != nil {
			problems = append(problems, fmt.Errorf("login: %w", err))
		}
	}
	if o.Scopes == nil {
		o.Scopes = []string{"profile", "email"}
	}
	if o.Client == nil {
		o.Client = guarded(o.Issuer, o.Reach)
	}
	return &provider{o: o, callback: callback}, errors.Join(problems...)
}

// guarded is a client for a provider. The operator chose the issuer, and the
// issuer chose the rest.
func guarded(issuer string, reach outbound.Options) *http.Client {
	reach.Timeout, reach.Bytes, reach.Redirects = 10*time.Second, 1<<20, 0
	if u, err := url.Parse(issuer); err == nil {
		reach.Hosts = append(slices.Clone(reach.Hosts), u.Hostname())
	}
	return outbound.New(reach)
}

// context makes the libraries use our client.
func (p *provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.o.Client)
}

// discover is what the provider says of itself. Whoever asks while it is found
// out waits for the one question, or until ctx ends: a provider that does not
// answer holds nobody up for longer than one deadline of its client.
func (p *provider) discover(ctx context.Context) (*discovered, error) {
	if known := p.known.Load(); known != nil {
		return known, nil
	}
	// The keys are fetched again later, so the context has to outlive this request.
	lasting := context.WithoutCancel(ctx)
	asked := p.asking.DoChan("", func() (any, error) { return p.ask(lasting) })
	select {
	case got := <-asked:
		found, _ := got.Val.(*discovered)
		return found, got.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("login: provider %q: %w", p.o.Issuer, ctx.Err())
	}
}

func (p *provider) ask(ctx context.Context) (*discovered, error) {
	found, err := oidc.NewProvider(p.context(ctx), p.o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("login: provider %q: %w", p.o.Issuer, err)
	}
	endpoint := found.Endpoint()
	if endpoint.AuthStyle, err = authStyle(found); err != nil {
		return nil, fmt.Errorf("login: provider %q: %w", p.o.Issuer, err)
	}
	known := &discovered{
		oidc: found,
		oauth: oauth2.Config{
			ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, Endpoint: endpoint, RedirectURL: p.callback,
			Scopes: append([]string{oidc.ScopeOpenID}, p.o.Scopes...),
		},
		verifier: found.Verifier(&oidc.Config{ClientID: p.o.ClientID}),
	}
	p.known.Store(known)
	return known, nil
}

// authStyle is how the client names itself. To find out by trying would spend
// the code on the wrong try.
func authStyle(p *oidc.Provider) (oauth2.AuthStyle, error) {
	var says struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := p.Claims(&says); err != nil {
		return 0, err
	}
	if slices.Contains(says.Methods, "client_secret_post") && !slices.Contains(says.Methods, "client_secret_basic") {
		return oauth2.AuthStyleInParams, nil
	}
	return oauth2.AuthStyleInHeader, nil
}

// identity is what the provider says about somebody who logged in.
type identity struct {
	issuer, subject, username, email string
	grants                           []string
}

// identify holds the ID token of an answer to its signature, audience, times
// and nonce, and adds what the provider's userinfo says. Errors wrap
// artifact.ErrUnverified where the token does not hold.
func (p *provider) identify(ctx context.Context, d *discovered, t *oauth2.Token, nonce string) (identity, error) {
	ctx = p.context(ctx)
	raw, _ := t.Extra("id_token").(string)
	if raw == "" {
		return identity{}, fmt.Errorf("login: the provider sent no ID token: %w", artifact.ErrUnverified)
	}
	id, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return identity{}, fmt.Errorf("login: ID token: %w: %w", artifact.ErrUnverified, err)
	}
	if id.Nonce != nonce {
		return identity{}, fmt.Errorf("login: ID token: it answers another login: %w", artifact.ErrUnverified)
	}
	var userinfo, signed map[string]any
	if d.oidc.UserInfoEndpoint() != "" {
		info, err := d.oidc.UserInfo(ctx, oauth2.StaticTokenSource(t))
		if err != nil {
			return identity{}, fmt.Errorf("login: userinfo: %w", err)
		}
		if info.Subject != id.Subject {
			return identity{}, fmt.Errorf("login: userinfo is about another subject: %w", artifact.ErrUnverified)
		}
		if err := info.Claims(&userinfo); err != nil {
			return identity{}, fmt.Errorf("login: userinfo: %w", err)
		}
	}
	if err := id.Claims(&signed); err != nil {
		return identity{}, fmt.Errorf("login: ID token: %w: %w", artifact.ErrUnverified, err)
	}
	if id.Subject == "" || len(id.Subject) > 255 || strings.ContainsRune(id.Subject, 0) {
		return identity{}, fmt.Errorf("login: ID token: subject %.300q: expected 1 to 255 bytes without NUL: %w", id.Subject, artifact.ErrUnverified)
	}
	claims := mergeClaims(signed, userinfo)
	who := identity{issuer: id.Issuer, subject: id.Subject, grants: p.grants(claims)}
	who.username, _ = claims["preferred_username"].(string)
	if verified, _ := claims["email_verified"].(bool); verified {
		if email, _ := claims["email"].(string); isEmail(email) {
			who.email = email
		}
	}
	return who, nil
}

// handle is the name that an account is proposed: a-z, 0-9, ".", "_" and "-".
func (i identity) handle() string {
	name := i.username
	if name == "" {
		name = i.email
	}
	name, _, _ = strings.Cut(strings.ToLower(name), "@")
	name = strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, name), "-._")
	if name == "" {
		name = "user"
	}
	return name[:min(len(name), 64)]
}
