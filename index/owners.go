package index

import "time"

// NewInvitation offers a role in a namespace.
type NewInvitation struct {
	Role      string    `json:"role" enum:"owner,maintainer,publisher,reader"`
	Email     string    `json:"email,omitempty" doc:"Only the account for which a provider verified this address may accept; without one, whoever holds the secret." example:"ada@example.org"`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"7 days from now by default, 30 at most."`
}

// An Invitation is shown once.
type Invitation struct {
	ID        string    `json:"id" doc:"DELETE /tokens/{id} takes it back."`
	Namespace string    `json:"namespace"`
	Role      string    `json:"role"`
	Email     string    `json:"email,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
	Secret    string    `json:"secret" doc:"What the invited person accepts with, once. It is not kept and not shown again."`
}

// A Membership is what an accepted invitation gave.
type Membership struct {
	Namespace string `json:"namespace"`
	Principal string `json:"principal"`
	Role      string `json:"role"`
}
