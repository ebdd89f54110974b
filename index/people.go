package index

import "time"

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
