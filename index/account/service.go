package account

import (
	"context"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// A Store pages through namespaces.
type Store interface {
	// NamespacesAfter are at most limit of them, by name, after one.
	NamespacesAfter(ctx context.Context, after string, limit int) ([]auth.NamespaceRecord, error)
	Namespace(ctx context.Context, name string) (auth.NamespaceRecord, error)
}

// Options of a Service. All of them must be given.
type Options struct {
	Parts *auth.Parts
	Store Store
	// Settle brings the statement about a change that was made into its ledger. An
	// error says that the change was undone: the ledger does not allow it.
	Settle func(ctx context.Context, namespace string) error
	// PublicChanged is called when what everybody may know of changed, before the change is
	// acknowledged: what was made for everybody before is made anew. It says what of
	// that is not done yet.
	PublicChanged func(ctx context.Context) (warnings []string)
	// Usage is what a namespace holds, and may hold.
	Usage func(ctx context.Context, namespace string) (index.Usage, error)
}

// A Service answers for accounts, in the words of the API.
type Service struct {
	tokens
	namespaces
	owners
	people
}

// New makes a Service.
func New(o Options) Service {
	return Service{tokens{o}, namespaces{o}, owners{o}, people{o}}
}

// Whoami says who asks, by which credential, and until when that is good.
func (s Service) Whoami(ctx context.Context) (index.Caller, error) {
	p := auth.From(ctx)
	c := index.Caller{Principal: p.Name, Kind: string(p.Kind), Token: p.Session, Roles: []index.RoleHeld{}}
	for _, g := range p.Grants {
		c.Roles = append(c.Roles, index.RoleHeld{Role: string(g.Role), Namespace: g.Namespace, Tenant: g.Tenant})
	}
	for _, s := range p.Scopes {
		c.Scopes = append(c.Scopes, s.String())
	}
	if p.Session == "" {
		return c, nil
	}
	held, err := s.tokens.o.Parts.Tokens.Own(ctx, p)
	if err != nil {
		return index.Caller{}, auth.Problem(err)
	}
	c.Credential, c.Label, c.ExpiresAt = held.Kind, held.Name, index.MomentOf(held.ExpiresAt)
	return c, nil
}

type (
	// tokens are the credentials that a caller may list, make and revoke.
	tokens struct{ o Options }
	// namespaces are claimed, shown and configured.
	namespaces struct{ o Options }
	// owners give roles in their namespaces, and give them away.
	owners struct{ o Options }
	// people have accounts.
	people struct{ o Options }
)
