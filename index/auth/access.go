package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/oarlock/oarlock/artifact"
)

// clockSkew is for how long after its end an access token is still taken by a
// replica whose clock is behind, and startSkew how long before its beginning by one
// whose clock is behind. The latter gives nobody more than the former: an access
// token ends when it does. Credentials that the store keeps end on time.
const clockSkew, startSkew = 30 * time.Second, 60 * time.Second

// claims are what an access token says. Session is the credential that it was
// got with; when that ends, the token does.
type claims struct {
	jwt.Claims
	Session string  `json:"sid,omitempty"`
	Access  []Scope `json:"access"`
}

// signAccess issues an access token for what was granted.
//
// Source: distribution, "Token Authentication Implementation".
func (cs *credentials) signAccess(p Principal, granted []Scope, now time.Time) (string, error) {
	key := cs.keys.signer()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("access token: %w", err)
	}
	if granted == nil {
		granted = []Scope{}
	}
	subject := p.Name
	if p.Kind == Anonymous {
		subject = ""
	}
	text, err := jwt.Signed(signer).Claims(claims{
		Claims: jwt.Claims{
			Issuer: cs.url, Audience: jwt.Audience{cs.service}, Subject: subject, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now),
			Expiry: jwt.NewNumericDate(now.Add(cs.tokenLifetime)),
		},
		Session: p.Session, Access: granted,
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("access token: %w", err)
	}
	return text, nil
}

// verifyAccess says whom an access token speaks for, now: its signature and
// times hold, and the credential that it was got with still does. It returns
// when the token ends. Errors wrap artifact.ErrUnverified when it does not
// hold; any other could not tell.
func (cs *credentials) verifyAccess(ctx context.Context, text string) (Principal, time.Time, error) {
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(parsed.Headers) != 1 {
		return Principal{}, time.Time{}, fmt.Errorf("access token: not a JWT signed with ES256: %w", artifact.ErrUnverified)
	}
	key, err := cs.keys.verifier(ctx, parsed.Headers[0].KeyID)
	if err != nil {
		return Principal{}, time.Time{}, err
	}
	var c claims
	if err := parsed.Claims(key, &c); err != nil {
		return Principal{}, time.Time{}, fmt.Errorf("access token: signature: %w", artifact.ErrUnverified)
	}
	expected := jwt.Expected{Issuer: cs.url, AnyAudience: jwt.Audience{cs.service}, Time: cs.now()}
	if err := c.ValidateWithLeeway(expected, startSkew); err != nil || c.Expiry == nil || cs.now().After(c.Expiry.Time().Add(clockSkew)) {
		return Principal{}, time.Time{}, fmt.Errorf("access token: expired, not valid yet, or issued for another service: %w", artifact.ErrUnverified)
	}
	until := c.Expiry.Time().Add(clockSkew)
	p := Nobody()
	if c.Session != "" {
		h, err := cs.session(ctx, c.Session)
		if err != nil {
			return Principal{}, time.Time{}, err
		}
		if p = h.principal; p.Name != c.Subject {
			return Principal{}, time.Time{}, errCredentials
		}
		until = earlier(until, h.known())
	} else if c.Subject != "" {
		return Principal{}, time.Time{}, errCredentials
	}
	p.Access = &Access{Scopes: c.Access}
	return p, until, nil
}
