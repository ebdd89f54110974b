package account

import (
	"context"
	"strings"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// Tokens are those of a namespace, of the site where it is "", or the caller's own
// where mine is set.
func (s tokens) Tokens(ctx context.Context, namespace string, mine bool) ([]index.Token, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return nil, err
	}
	records, err := s.o.Parts.Tokens.List(ctx, by, namespace, mine)
	if err != nil {
		return nil, auth.Problem(err)
	}
	all := make([]index.Token, 0, len(records))
	for _, r := range records {
		if namespace != "" || mine || r.Namespace == "" && r.Kind != string(auth.RefreshToken) && r.Kind != string(auth.SessionToken) {
			all = append(all, tokenOf(r))
		}
	}
	return all, nil
}

func tokenOf(r auth.TokenRecord) index.Token {
	return index.Token{
		ID: r.ID, Kind: r.Kind, Label: r.Name, Principal: r.Principal, Namespace: r.Namespace, Scopes: r.Scopes,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, ExpiresAt: index.MomentOf(r.ExpiresAt),
		RevokedAt: index.MomentOf(r.RevokedAt), UsedAt: index.MomentOf(r.UsedAt),
	}
}

// CreateToken makes a token, and shows its secret this once.
func (s tokens) CreateToken(ctx context.Context, q index.NewToken) (index.CreatedToken, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.CreatedToken{}, err
	}
	scopes, err := auth.ParseScopes(strings.Join(q.Scopes, " "))
	if err != nil {
		return index.CreatedToken{}, err
	}
	t, rec, err := s.o.Parts.Tokens.Create(ctx, by, auth.TokenRequest{
		Kind: auth.TokenKind(q.Kind), Label: q.Label, Namespace: q.Namespace, Scopes: scopes, ExpiresAt: q.ExpiresAt.Truncate(time.Microsecond),
	})
	if err != nil {
		return index.CreatedToken{}, auth.Problem(err)
	}
	return index.CreatedToken{Token: tokenOf(rec), Secret: t.Reveal()}, nil
}

// RevokeToken ends one.
func (s tokens) RevokeToken(ctx context.Context, id string) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	return auth.Problem(s.o.Parts.Tokens.Revoke(ctx, by, id))
}
