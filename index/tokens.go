package index

import "time"

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

// TokenList is the answer to a listing of tokens.
type TokenList struct {
	Items []Token `json:"items"`
}
