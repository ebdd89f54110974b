package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index"
)

// Tokens keeps credentials.
type Tokens interface {
	// Tokens are those of a namespace, of the site where it is "", or the
	// caller's own where mine is set.
	Tokens(ctx context.Context, namespace string, mine bool) ([]index.Token, error)
	CreateToken(ctx context.Context, q index.NewToken) (index.CreatedToken, error)
	RevokeToken(ctx context.Context, id string) error
}

type tokensInput struct {
	Namespace string `query:"namespace" doc:"Those of this namespace; empty for those of the site."`
	Mine      bool   `query:"mine" doc:"One's own instead."`
}

type tokensOutput struct{ Body index.TokenList }

type createTokenInput struct{ Body index.NewToken }

type createTokenOutput struct{ Body index.CreatedToken }

type tokenInput struct {
	ID string `path:"id" doc:"Id of the token."`
}

func (s *Server) tokenRoutes(a huma.API, guarded guard) {
	huma.Register(a, guarded(huma.Operation{OperationID: "tokens", Method: http.MethodGet, Path: "/tokens",
		Summary: "List tokens", Description: "Ended ones stay listed for a month. No secret is among it."}),
		func(ctx context.Context, in *tokensInput) (*tokensOutput, error) {
			items, err := s.Accounts.Tokens(ctx, in.Namespace, in.Mine)
			return &tokensOutput{index.TokenList{Items: items}}, err
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
