package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index"
)

// Owners changes to whom a namespace belongs.
type Owners interface {
	// SetMember gives a principal a role in place of the one that it had.
	SetMember(ctx context.Context, namespace, principal, role string) error
	RemoveMember(ctx context.Context, namespace, principal string) error
	// TransferNamespace makes a principal an owner and takes the role from the caller.
	TransferNamespace(ctx context.Context, namespace, to string) error
	CloseNamespace(ctx context.Context, namespace string) (index.Namespace, error)
	// InviteMember offers a role to whoever accepts the invitation.
	InviteMember(ctx context.Context, namespace string, q index.NewInvitation) (index.Invitation, error)
	// AcceptInvitation makes the caller a member.
	AcceptInvitation(ctx context.Context, secret string) (index.Membership, error)
}

type inviteInput struct {
	NamespaceParam
	Body index.NewInvitation
}

type inviteOutput struct{ Body index.Invitation }

type acceptInput struct {
	Body struct {
		Secret string `json:"secret" doc:"The text of the invitation."`
	}
}

type acceptOutput struct{ Body index.Membership }

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
		Summary: "Set a member's role", Description: "In place of the one that it had. The last owner stays one. A name without an account is account_not_found: invite its holder instead.", DefaultStatus: http.StatusNoContent, Errors: clash}),
		func(ctx context.Context, in *memberInput) (*struct{}, error) {
			return nil, s.Accounts.SetMember(ctx, in.Namespace, unescape(in.Principal), in.Body.Role)
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "invite-member", Method: http.MethodPost, Path: "/namespaces/{namespace}/invitations",
		Summary: "Invite a member", Description: "For somebody who has no account yet: a secret of one use, that holds as long as its maker may give the role.", DefaultStatus: http.StatusCreated, Errors: clash}),
		func(ctx context.Context, in *inviteInput) (*inviteOutput, error) {
			i, err := s.Accounts.InviteMember(ctx, in.Namespace, in.Body)
			return &inviteOutput{i}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "accept-invitation", Method: http.MethodPost, Path: "/invitations/accept",
		Summary: "Accept an invitation", Description: "Makes the caller a member of the namespace that it names. Only a person accepts, once.", Errors: clash}),
		func(ctx context.Context, in *acceptInput) (*acceptOutput, error) {
			m, err := s.Accounts.AcceptInvitation(ctx, in.Body.Secret)
			return &acceptOutput{m}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "remove-member", Method: http.MethodDelete, Path: "/namespaces/{namespace}/members/{principal}",
		Summary: "Remove a member", Description: "Everybody may leave; the last owner cannot.", DefaultStatus: http.StatusNoContent, Errors: clash}),
		func(ctx context.Context, in *MemberParams) (*struct{}, error) {
			return nil, s.Accounts.RemoveMember(ctx, in.Namespace, unescape(in.Principal))
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "transfer-namespace", Method: http.MethodPost, Path: "/namespaces/{namespace}/transfer",
		Summary: "Transfer a namespace", Description: "Makes another account its owner, and takes that role from the caller. A name without an account is account_not_found.", DefaultStatus: http.StatusNoContent, Errors: clash}),
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
