package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Tokens keeps credentials.
type Tokens interface {
	// Tokens are those of a namespace, of the site where it is "", or the
	// caller's own where mine is set.
	Tokens(ctx context.Context, namespace string, mine bool) ([]Token, error)
	CreateToken(ctx context.Context, q NewToken) (CreatedToken, error)
	RevokeToken(ctx context.Context, id string) error
}

// A Token is a credential without its secret.
type Token struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"`
	Label     string     `json:"label"`
	Principal string     `json:"principal" doc:"Whom it speaks for."`
	Namespace string     `json:"namespace,omitempty"`
	Scopes    []string   `json:"scopes,omitempty"`
	CreatedBy string     `json:"created_by"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	UsedAt    *time.Time `json:"used_at,omitempty" doc:"Last use, exact to the minute."`
}

// NewToken asks for a credential.
type NewToken struct {
	Kind      string    `json:"kind,omitempty" enum:"robot,personal,admin" default:"robot" doc:"robot speaks for itself within its scopes; personal for the caller; admin for the site."`
	Label     string    `json:"label" doc:"What it is for: a-z, 0-9 and -." example:"ci"`
	Namespace string    `json:"namespace,omitempty" doc:"Namespace of a robot." example:"acme"`
	Scopes    []string  `json:"scopes,omitempty" doc:"What it may do; the actions are pull, push, publish, delete, promote, lifecycle." example:"[\"repository:acme/*:pull,push,publish\"]"`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"At most 366 days from now; only an admin token may have none."`
}

// A CreatedToken is shown once.
type CreatedToken struct {
	Token
	Secret string `json:"secret" doc:"The text of the token. It is not kept and not shown again."`
}

type tokensInput struct {
	Namespace string `query:"namespace" doc:"Those of this namespace; empty for those of the site."`
	Mine      bool   `query:"mine" doc:"One's own instead."`
}

type tokensOutput struct{ Body TokenList }

// TokenList is the answer to a listing of tokens.
type TokenList struct {
	Items []Token `json:"items"`
}

type createTokenInput struct{ Body NewToken }

type createTokenOutput struct{ Body CreatedToken }

type tokenInput struct {
	ID string `path:"id" doc:"Id of the token."`
}

func (s *Server) tokenRoutes(a huma.API, guarded guard) {
	huma.Register(a, guarded(huma.Operation{OperationID: "tokens", Method: http.MethodGet, Path: "/tokens",
		Summary: "List tokens", Description: "Ended ones stay listed for a month. No secret is among it."}),
		func(ctx context.Context, in *tokensInput) (*tokensOutput, error) {
			items, err := s.Accounts.Tokens(ctx, in.Namespace, in.Mine)
			return &tokensOutput{TokenList{items}}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "create-token", Method: http.MethodPost, Path: "/tokens",
		Summary: "Make a token", Description: "For what the caller may do himself, and no more. The secret is shown in this answer only.",
		DefaultStatus: http.StatusCreated}),
		func(ctx context.Context, in *createTokenInput) (*createTokenOutput, error) {
			t, err := s.Accounts.CreateToken(ctx, in.Body)
			return &createTokenOutput{t}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "revoke-token", Method: http.MethodDelete, Path: "/tokens/{id}",
		Summary: "Revoke a token", Description: "Ends it at once, with all that was got by it. To revoke it again is no error.",
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *tokenInput) (*struct{}, error) {
			return nil, s.Accounts.RevokeToken(ctx, in.ID)
		})
}
