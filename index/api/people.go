package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index"
)

// People keeps the accounts of people. Those who log in through a provider get
// theirs by that; an admin makes the others.
type People interface {
	People(ctx context.Context) ([]index.Account, error)
	AddPerson(ctx context.Context, q index.NewAccount) (index.Account, error)
	// ChangePerson sets what is given.
	ChangePerson(ctx context.Context, principal string, c index.AccountChange) error
	// TokenFor makes a personal token for an account that an admin made.
	TokenFor(ctx context.Context, principal string, q index.NewPersonalToken) (index.CreatedToken, error)
}

// PersonParam names an account in a path.
type PersonParam struct {
	Principal string `path:"principal" example:"person:ada"`
}

type peopleOutput struct{ Body index.AccountList }

type addPersonInput struct{ Body index.NewAccount }

type personOutput struct{ Body index.Account }

type changePersonInput struct {
	PersonParam
	Body index.AccountChange
}

type tokenForInput struct {
	PersonParam
	Body index.NewPersonalToken
}

func (s *Server) peopleRoutes(a huma.API, guarded guard) {
	clash := []int{http.StatusNotFound, http.StatusConflict}
	huma.Register(a, guarded(huma.Operation{OperationID: "accounts", Method: http.MethodGet, Path: "/accounts",
		Summary: "List accounts", Description: "Of all people, by name."}),
		func(ctx context.Context, _ *struct{}) (*peopleOutput, error) {
			items, err := s.Accounts.People(ctx)
			return &peopleOutput{index.AccountList{Items: items}}, err
		})
	huma.Register(a, onSite(guarded(huma.Operation{OperationID: "add-account", Method: http.MethodPost, Path: "/accounts",
		Summary: "Make an account", Description: "For a person who does not log in through a provider.", DefaultStatus: http.StatusCreated, Errors: clash}), ManageAccounts),
		func(ctx context.Context, in *addPersonInput) (*personOutput, error) {
			p, err := s.Accounts.AddPerson(ctx, in.Body)
			return &personOutput{p}, err
		})
	huma.Register(a, onSite(guarded(huma.Operation{OperationID: "change-account", Method: http.MethodPatch, Path: "/accounts/{principal}",
		Summary: "Change an account", Description: "Its roles, or whether it is disabled.", DefaultStatus: http.StatusNoContent, Errors: clash}), ManageAccounts),
		func(ctx context.Context, in *changePersonInput) (*struct{}, error) {
			return nil, s.Accounts.ChangePerson(ctx, unescape(in.Principal), in.Body)
		})
	huma.Register(a, onSite(guarded(huma.Operation{OperationID: "account-token", Method: http.MethodPost, Path: "/accounts/{principal}/tokens",
		Summary: "Make a token for an account", Description: "To be handed to its holder; of an account that an admin made. It is shown in this answer only.",
		DefaultStatus: http.StatusCreated, Errors: clash}), ManageAccounts),
		func(ctx context.Context, in *tokenForInput) (*createTokenOutput, error) {
			t, err := s.Accounts.TokenFor(ctx, unescape(in.Principal), in.Body)
			return &createTokenOutput{t}, err
		})
}
