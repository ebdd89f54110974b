package app

import (
	"context"
	"strings"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/publisher"
)

// desk is the accounts as the API asks for them: api.Accounts.
type desk struct {
	a          *accounts
	statements *publisher.Statements
}

var _ api.Accounts = desk{}

// Whoami implements api.Accounts.
func (d desk) Whoami(ctx context.Context) (index.Caller, error) {
	p := auth.From(ctx)
	c := index.Caller{Principal: p.Name, Kind: string(p.Kind), Token: p.Session, Roles: []index.RoleHeld{}}
	for _, g := range p.Grants {
		c.Roles = append(c.Roles, index.RoleHeld{Role: string(g.Role), Namespace: g.Namespace})
	}
	for _, s := range p.Scopes {
		c.Scopes = append(c.Scopes, s.String())
	}
	return c, nil
}

// Tokens implements api.Tokens.
func (d desk) Tokens(ctx context.Context, namespace string, mine bool) ([]index.Token, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return nil, err
	}
	records, err := d.a.tokens.List(ctx, by, namespace, mine)
	if err != nil {
		return nil, auth.Problem(err)
	}
	tokens := make([]index.Token, 0, len(records))
	for _, r := range records {
		if namespace != "" || mine || r.Namespace == "" && r.Kind != string(auth.RefreshToken) && r.Kind != string(auth.SessionToken) {
			tokens = append(tokens, tokenOf(r))
		}
	}
	return tokens, nil
}

func tokenOf(r auth.TokenRecord) index.Token {
	return index.Token{
		ID: r.ID, Kind: r.Kind, Label: r.Name, Principal: r.Principal, Namespace: r.Namespace, Scopes: r.Scopes,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, ExpiresAt: index.MomentOf(r.ExpiresAt),
		RevokedAt: index.MomentOf(r.RevokedAt), UsedAt: index.MomentOf(r.UsedAt),
	}
}

// CreateToken implements api.Tokens.
func (d desk) CreateToken(ctx context.Context, q index.NewToken) (index.CreatedToken, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.CreatedToken{}, err
	}
	scopes, err := auth.ParseScopes(strings.Join(q.Scopes, " "))
	if err != nil {
		return index.CreatedToken{}, err
	}
	t, rec, err := d.a.tokens.Create(ctx, by, auth.TokenRequest{
		Kind: auth.TokenKind(q.Kind), Label: q.Label, Namespace: q.Namespace, Scopes: scopes, ExpiresAt: q.ExpiresAt.Truncate(time.Microsecond),
	})
	if err != nil {
		return index.CreatedToken{}, auth.Problem(err)
	}
	return index.CreatedToken{Token: tokenOf(rec), Secret: t.Reveal()}, nil
}

// RevokeToken implements api.Tokens.
func (d desk) RevokeToken(ctx context.Context, id string) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	return auth.Problem(d.a.tokens.Revoke(ctx, by, id))
}
