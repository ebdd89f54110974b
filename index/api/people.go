package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// People keeps the accounts of people. Those who log in through a provider get
// theirs by that; an admin makes the others.
type People interface {
	People(ctx context.Context) ([]Account, error)
	AddPerson(ctx context.Context, q NewAccount) (Account, error)
	// ChangePerson sets what is given.
	ChangePerson(ctx context.Context, principal string, c AccountChange) error
	// TokenFor makes a personal token for an account that an admin made.
	TokenFor(ctx context.Context, principal string, q NewPersonalToken) (CreatedToken, error)
}

// An Account is that of a person.
type Account struct {
	Principal  string     `json:"principal" example:"person:ada"`
	Issuer     string     `json:"issuer" doc:"Provider that the person logs in through; local where an admin made the account."`
	Email      string     `json:"email,omitempty"`
	Roles      []string   `json:"roles" doc:"Roles of the site."`
	Disabled   bool       `json:"disabled"`
	CreatedAt  time.Time  `json:"created_at"`
	LoggedInAt *time.Time `json:"logged_in_at,omitempty"`
}

// NewAccount asks for an account without a provider. It has no password: a
// token is made for it.
type NewAccount struct {
	Name  string   `json:"name" doc:"a-z, 0-9 and -." example:"ada"`
	Roles []string `json:"roles,omitempty" enum:"admin,reviewer,operator"`
}

// AccountChange sets what is given.
type AccountChange struct {
	Roles    *[]string `json:"roles,omitempty" doc:"Roles of the site, in place of those before."`
	Disabled *bool     `json:"disabled,omitempty" doc:"Ends the account with all that hangs on it, at once."`
}

// NewPersonalToken asks for a token in a person's name.
type NewPersonalToken struct {
	Label     string    `json:"label" example:"laptop"`
	ExpiresAt time.Time `json:"expires_at"`
}

// AccountList is the answer to a listing of accounts.
type AccountList struct {
	Items []Account `json:"items"`
}

// PersonParam names an account in a path.
type PersonParam struct {
	Principal string `path:"principal" example:"person:ada"`
}

type peopleOutput struct{ Body AccountList }

type addPersonInput struct{ Body NewAccount }

type personOutput struct{ Body Account }

type changePersonInput struct {
	PersonParam
	Body AccountChange
}

type tokenForInput struct {
	PersonParam
	Body NewPersonalToken
}

func (s *Server) peopleRoutes(a huma.API, guarded guard) {
	clash := []int{http.StatusNotFound, http.StatusConflict}
	huma.Register(a, guarded(huma.Operation{OperationID: "accounts", Method: http.MethodGet, Path: "/accounts",
		Summary: "List accounts", Description: "Of all people, by name."}),
		func(ctx context.Context, _ *struct{}) (*peopleOutput, error) {
			items, err := s.Accounts.People(ctx)
			return &peopleOutput{AccountList{items}}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "add-account", Method: http.MethodPost, Path: "/accounts",
		Summary: "Make an account", Description: "For a person who does not log in through a provider.", DefaultStatus: http.StatusCreated, Errors: clash}),
		func(ctx context.Context, in *addPersonInput) (*personOutput, error) {
			p, err := s.Accounts.AddPerson(ctx, in.Body)
			return &personOutput{p}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "change-account", Method: http.MethodPatch, Path: "/accounts/{principal}",
		Summary: "Change an account", Description: "Its roles, or whether it is disabled.", DefaultStatus: http.StatusNoContent, Errors: clash}),
		func(ctx context.Context, in *changePersonInput) (*struct{}, error) {
			return nil, s.Accounts.ChangePerson(ctx, unescape(in.Principal), in.Body)
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "account-token", Method: http.MethodPost, Path: "/accounts/{principal}/tokens",
		Summary: "Make a token for an account", Description: "To be handed to its holder; of an account that an admin made. It is shown in this answer only.",
		DefaultStatus: http.StatusCreated, Errors: clash}),
		func(ctx context.Context, in *tokenForInput) (*createTokenOutput, error) {
			t, err := s.Accounts.TokenFor(ctx, unescape(in.Principal), in.Body)
			return &createTokenOutput{t}, err
		})
}
