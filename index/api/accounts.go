package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
)

// An Action is what a caller wants to do, in the words of the table of
// permissions.
type Action string

// The actions that the API asks about itself. What the Accounts do, they ask.
const (
	Promote        Action = "channel:promote"
	RebuildCatalog Action = "catalog:rebuild"
	Fsck           Action = "registry:fsck"
	CollectGarbage Action = "registry:gc"
	ReadPlugin     Action = "repository:pull"
	ReadPolicy     Action = "policy:read"
	TestPolicy     Action = "policy:test"
)

// Accounts are who may do what at this site. Each method finds the caller in
// its context and decides whether he may; errors are *index.Problem or of a
// kind of artifact.
type Accounts interface {
	Whoami(ctx context.Context) (Caller, error)
	Tokens
	Namespaces
	Owners
	People
	AuditLog
}

// A Caller is who asks.
type Caller struct {
	Principal string     `json:"principal" doc:"Name at this site, such as person:ada, robot:acme/ci or anonymous." example:"robot:acme/ci"`
	Kind      string     `json:"kind" enum:"anonymous,person,robot,admin"`
	Roles     []RoleHeld `json:"roles"`
	Scopes    []string   `json:"scopes,omitempty" doc:"What the credential is bound to; none is no bound."`
	Token     string     `json:"token_id,omitempty" doc:"Id of the credential that speaks."`
}

// A RoleHeld is one role, of the site or of a namespace.
type RoleHeld struct {
	Role      string `json:"role"`
	Namespace string `json:"namespace,omitempty"`
}

type whoamiOutput struct{ Body Caller }

// accountRoutes serves the accounts, where there are any. The description has
// them in any case.
func (s *Server) accountRoutes(a huma.API) {
	guarded := func(op huma.Operation) huma.Operation {
		op.Path = "/api/v1" + op.Path
		op.Tags = []string{"accounts"}
		op.Security = []map[string][]string{{"bearer": {}}}
		op.MaxBodyBytes = s.MaxBody
		op.Middlewares = huma.Middlewares{s.withAccounts}
		op.Errors = append([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden}, op.Errors...)
		return op
	}
	huma.Register(a, guarded(huma.Operation{OperationID: "whoami", Method: http.MethodGet, Path: "/whoami",
		Summary: "Say who asks", Description: "The principal that the credential speaks for, with its roles and bounds."}),
		func(ctx context.Context, _ *struct{}) (*whoamiOutput, error) {
			who, err := s.Accounts.Whoami(ctx)
			return &whoamiOutput{who}, err
		})
	s.tokenRoutes(a, guarded)
	s.namespaceRoutes(a, guarded)
	s.ownerRoutes(a, guarded)
	s.peopleRoutes(a, guarded)
	s.auditRoutes(a, guarded)
}

// withAccounts answers 404 on a server that has none.
func (s *Server) withAccounts(c huma.Context, next func(huma.Context)) {
	if s.Accounts != nil {
		next(c)
		return
	}
	e := humaecho.Unwrap(c)
	writeProblem(e.Response(), refuse(http.StatusNotFound, codeRouteNotFound, "this server keeps no accounts"))
}

type guard func(huma.Operation) huma.Operation

// MomentOf is t as answers have it: nothing for the zero time, which is never.
func MomentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
