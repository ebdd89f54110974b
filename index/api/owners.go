package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Owners changes to whom a namespace belongs.
type Owners interface {
	// SetMember gives a principal a role in place of the one that it had.
	SetMember(ctx context.Context, namespace, principal, role string) error
	RemoveMember(ctx context.Context, namespace, principal string) error
	// TransferNamespace makes a principal an owner and takes the role from the caller.
	TransferNamespace(ctx context.Context, namespace, to string) error
	CloseNamespace(ctx context.Context, namespace string) (Namespace, error)
}

// MemberParams name a member in a path.
type MemberParams struct {
	NamespaceParam
	Principal string `path:"principal" doc:"person:<name> or admin:<name>." example:"person:ada"`
}

type memberInput struct {
	MemberParams
	Body struct {
		Role string `json:"role" enum:"owner,maintainer,publisher,reader"`
	}
}

type transferInput struct {
	NamespaceParam
	Body struct {
		To string `json:"to" doc:"The new owner." example:"person:ada"`
	}
}

func (s *Server) ownerRoutes(a huma.API, guarded guard) {
	clash := []int{http.StatusNotFound, http.StatusConflict}
	huma.Register(a, guarded(huma.Operation{OperationID: "set-member", Method: http.MethodPut, Path: "/namespaces/{namespace}/members/{principal}",
		Summary: "Set a member's role", Description: "In place of the one that it had. The last owner stays one.", DefaultStatus: http.StatusNoContent, Errors: clash}),
		func(ctx context.Context, in *memberInput) (*struct{}, error) {
			return nil, s.Accounts.SetMember(ctx, in.Namespace, unescape(in.Principal), in.Body.Role)
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "remove-member", Method: http.MethodDelete, Path: "/namespaces/{namespace}/members/{principal}",
		Summary: "Remove a member", Description: "Everybody may leave; the last owner cannot.", DefaultStatus: http.StatusNoContent, Errors: clash}),
		func(ctx context.Context, in *MemberParams) (*struct{}, error) {
			return nil, s.Accounts.RemoveMember(ctx, in.Namespace, unescape(in.Principal))
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "transfer-namespace", Method: http.MethodPost, Path: "/namespaces/{namespace}/transfer",
		Summary: "Transfer a namespace", Description: "Makes another principal its owner, and takes that role from the caller.", DefaultStatus: http.StatusNoContent, Errors: clash}),
		func(ctx context.Context, in *transferInput) (*struct{}, error) {
			return nil, s.Accounts.TransferNamespace(ctx, in.Namespace, in.Body.To)
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "close-namespace", Method: http.MethodPost, Path: "/namespaces/{namespace}/close",
		Summary: "Close a namespace", Description: "Lets nothing new in, for good. What is there stays, and nobody can claim the name again.", Errors: clash}),
		func(ctx context.Context, in *NamespaceParam) (*namespaceOutput, error) {
			n, err := s.Accounts.CloseNamespace(ctx, in.Namespace)
			return &namespaceOutput{n}, err
		})
}
