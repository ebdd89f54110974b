package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Lifecycles say where plugins stand, and move them. Errors are *index.Problem
// or of a kind of artifact.
type Lifecycles interface {
	Lifecycle(ctx context.Context, id artifact.Name) (index.Lifecycle, error)
	// History gives at most limit statements after a sequence number.
	History(ctx context.Context, id artifact.Name, after, limit int) (index.LedgerPage, error)
	Move(ctx context.Context, id artifact.Name, m index.NewMove) (index.Lifecycle, error)
	Delete(ctx context.Context, id artifact.Name, why index.Deletion) (index.Lifecycle, error)
	Yank(ctx context.Context, id artifact.Name, v artifact.Version, why index.VersionMove) (index.Lifecycle, error)
	Unyank(ctx context.Context, id artifact.Name, v artifact.Version, why index.VersionMove) (index.Lifecycle, error)
}

type lifecycleOutput struct{ Body index.Lifecycle }

type historyInput struct {
	NameParams
	After int `query:"after" minimum:"0" doc:"Sequence number after which the page begins."`
	Limit int `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type moveInput struct {
	NameParams
	Body index.NewMove
}

type deleteInput struct {
	NameParams
	index.Deletion
}

type yankInput struct {
	NameParams
	Version string `path:"version" example:"1.2.0"`
	Body    index.VersionMove
}

func (s *Server) lifecycleRoutes(a huma.API) {
	const plugin = "/api/v1/plugins/{publisher}/{name}"
	op := func(op huma.Operation, errors ...int) huma.Operation {
		op.Tags, op.MaxBodyBytes = []string{"lifecycle"}, s.MaxBody
		op.Middlewares = huma.Middlewares{s.withLifecycles}
		op.Errors = append([]int{http.StatusBadRequest, http.StatusNotFound}, errors...)
		return op
	}
	changes := func(o huma.Operation) huma.Operation {
		o.Security = []map[string][]string{{"bearer": {}}}
		return op(o, http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict)
	}
	huma.Register(a, op(huma.Operation{OperationID: "lifecycle", Method: http.MethodGet, Path: plugin + "/lifecycle",
		Summary: "Show where a plugin stands", Description: "Its state, the moves that are in force, and those that the caller may make."}),
		func(ctx context.Context, in *NameParams) (*lifecycleOutput, error) {
			id, err := in.name()
			if err != nil {
				return nil, err
			}
			out, err := s.Lifecycles.Lifecycle(ctx, id)
			return &lifecycleOutput{out}, err
		})
	huma.Register(a, op(huma.Operation{OperationID: "history", Method: http.MethodGet, Path: plugin + "/history",
		Summary: "Read a plugin's ledger", Description: "Every statement that holds, the oldest first."}),
		func(ctx context.Context, in *historyInput) (*ledgerOutput, error) {
			id, err := in.name()
			if err != nil {
				return nil, err
			}
			page, err := s.Lifecycles.History(ctx, id, in.After, in.Limit)
			return &ledgerOutput{page}, err
		})
	huma.Register(a, changes(huma.Operation{OperationID: "move", Method: http.MethodPost, Path: plugin + "/lifecycle",
		Summary: "Move a plugin", Description: "Deprecates, suspends or removes it, or takes that back, as a statement in its ledger. A move that the state does not allow is lifecycle_forbidden, with legal[]."}),
		func(ctx context.Context, in *moveInput) (*lifecycleOutput, error) {
			id, err := in.name()
			if err != nil {
				return nil, err
			}
			out, err := s.Lifecycles.Move(ctx, id, in.Body)
			return &lifecycleOutput{out}, err
		})
	huma.Register(a, changes(huma.Operation{OperationID: "delete-plugin", Method: http.MethodDelete, Path: plugin,
		Summary: "Delete a plugin for good",
		Description: "For owners, and never taken back: its bytes go, its name, ledger and leaves in the publication log stay, " +
			"and no version is published again. While anybody has it enabled it is 409 still_enabled."}),
		func(ctx context.Context, in *deleteInput) (*lifecycleOutput, error) {
			id, err := in.name()
			if err != nil {
				return nil, err
			}
			out, err := s.Lifecycles.Delete(ctx, id, in.Deletion)
			return &lifecycleOutput{out}, err
		})
	huma.Register(a, changes(huma.Operation{OperationID: "yank", Method: http.MethodPost, Path: plugin + "/versions/{version}/yank",
		Summary: "Yank a version", Description: "Nobody new takes it; a lock file that holds it still does."}), s.yanking(func() yanker { return s.Lifecycles.Yank }))
	huma.Register(a, changes(huma.Operation{OperationID: "unyank", Method: http.MethodPost, Path: plugin + "/versions/{version}/unyank",
		Summary: "Take a yank back", Description: "The version is offered again."}), s.yanking(func() yanker { return s.Lifecycles.Unyank }))
}

type yanker func(ctx context.Context, id artifact.Name, v artifact.Version, why index.VersionMove) (index.Lifecycle, error)

// yanking answers with what do gives; do is asked for per request, since a
// description of the routes is made without anybody who could do it.
func (s *Server) yanking(do func() yanker) func(context.Context, *yankInput) (*lifecycleOutput, error) {
	return func(ctx context.Context, in *yankInput) (*lifecycleOutput, error) {
		id, err := in.name()
		if err != nil {
			return nil, err
		}
		v, err := artifact.ParseVersion(unescape(in.Version))
		if err != nil {
			return nil, invalid(codeInvalidParameter, err)
		}
		out, err := do()(ctx, id, v, in.Body)
		return &lifecycleOutput{out}, err
	}
}

// withLifecycles answers 404 on a server that keeps no ledgers.
func (s *Server) withLifecycles(c huma.Context, next func(huma.Context)) {
	if s.Lifecycles != nil {
		next(c)
		return
	}
	writeProblem(humaecho.Unwrap(c).Response(), refuse(http.StatusNotFound, codeRouteNotFound, "this server keeps no ledgers"))
}
