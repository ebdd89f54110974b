package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/oarlock/oarlock/index"
)

// Emergencies stop versions of plugins on the word of two people. Errors are
// *index.Problem or of a kind of artifact.
type Emergencies interface {
	Propose(ctx context.Context, n index.NewEmergency) (index.Emergency, error)
	Confirm(ctx context.Context, id string) (index.Emergency, error)
	Undo(ctx context.Context, id string, why index.EmergencyStep) (index.Emergency, error)
	Emergency(ctx context.Context, id string) (index.Emergency, error)
	Emergencies(ctx context.Context, q index.EmergencyQuery) (index.EmergencyList, error)
}

type emergencyOutput struct{ Body index.Emergency }

type emergenciesOutput struct{ Body index.EmergencyList }

type proposeInput struct{ Body index.NewEmergency }

// EmergencyParams name an emergency.
type EmergencyParams struct {
	ID string `path:"id" maxLength:"64" example:"k3v9w2m7q4x1"`
}

type undoInput struct {
	EmergencyParams
	Body *index.EmergencyStep `required:"false"`
}

func (s *Server) emergencyRoutes(a huma.API) {
	const path = "/api/v1/emergencies"
	op := func(op huma.Operation, errors ...int) huma.Operation {
		op.Tags, op.MaxBodyBytes = []string{"lifecycle"}, s.MaxBody
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Middlewares = huma.Middlewares{s.withEmergencies}
		op.Errors = append([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, errors...)
		return op
	}
	huma.Register(a, op(huma.Operation{OperationID: "propose-emergency", Method: http.MethodPost, Path: path, DefaultStatus: http.StatusCreated,
		Summary: "Propose an emergency",
		Description: "What it names cannot be pulled here when this is answered, and at every replica within a second, for a day at the most. " +
			"Confirmed by another person it is a statement in the plugin's ledger. With request it only asks the admins."}, http.StatusConflict),
		func(ctx context.Context, in *proposeInput) (*emergencyOutput, error) {
			out, err := s.Emergencies.Propose(ctx, in.Body)
			return &emergencyOutput{out}, err
		})
	huma.Register(a, op(huma.Operation{OperationID: "emergencies", Method: http.MethodGet, Path: path,
		Summary: "List emergencies", Description: "The newest first: all of them for admins, those of their plugins for owners."}),
		func(ctx context.Context, in *index.EmergencyQuery) (*emergenciesOutput, error) {
			out, err := s.Emergencies.Emergencies(ctx, *in)
			return &emergenciesOutput{out}, err
		})
	huma.Register(a, op(huma.Operation{OperationID: "emergency", Method: http.MethodGet, Path: path + "/{id}",
		Summary: "Show an emergency", Description: "With every digest that it names, and whose words would count."}),
		func(ctx context.Context, in *EmergencyParams) (*emergencyOutput, error) {
			out, err := s.Emergencies.Emergency(ctx, in.ID)
			return &emergencyOutput{out}, err
		})
	huma.Register(a, op(huma.Operation{OperationID: "confirm-emergency", Method: http.MethodPost, Path: path + "/{id}/confirm",
		Summary:     "Confirm an emergency",
		Description: "The word of another person than those who spoke for it; a request becomes a proposal. second_person_needed says who could."},
		http.StatusConflict),
		func(ctx context.Context, in *EmergencyParams) (*emergencyOutput, error) {
			out, err := s.Emergencies.Confirm(ctx, in.ID)
			return &emergencyOutput{out}, err
		})
	huma.Register(a, op(huma.Operation{OperationID: "undo-emergency", Method: http.MethodPost, Path: path + "/{id}/undo",
		Summary:     "Undo an emergency",
		Description: "Takes as many people as to confirm it: each calls this within a day. Who proposed what nobody confirmed takes it back alone."},
		http.StatusConflict),
		func(ctx context.Context, in *undoInput) (*emergencyOutput, error) {
			why := index.EmergencyStep{}
			if in.Body != nil {
				why = *in.Body
			}
			out, err := s.Emergencies.Undo(ctx, in.ID, why)
			return &emergencyOutput{out}, err
		})
}

// withEmergencies answers 404 on a server that has none.
func (s *Server) withEmergencies(c huma.Context, next func(huma.Context)) {
	if s.Emergencies != nil {
		next(c)
		return
	}
	writeProblem(humaecho.Unwrap(c).Response(), refuse(http.StatusNotFound, codeRouteNotFound, "this server keeps no ledgers"))
}
