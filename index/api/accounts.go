package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/oarlock/oarlock/index"
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
	ReadAudit      Action = "audit:read"
	ManageAccounts Action = "accounts:manage"
)

// Accounts are who may do what at this site. Each method finds the caller in
// its context and decides whether he may; errors are *index.Problem or of a
// kind of artifact.
type Accounts interface {
	Whoami(ctx context.Context) (index.Caller, error)
	Tokens
	Namespaces
	Owners
	People
	AuditLog
}

type whoamiOutput struct{ Body index.Caller }

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
