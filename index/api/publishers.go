package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/oarlock/oarlock/index"
)

// Publishers are what the ledgers say, and who adds to them. Errors are
// *index.Problem or of a kind of artifact.
type Publishers interface {
	// Publisher is the record of a publisher, wherever its ledger came from.
	Publisher(ctx context.Context, name string) (index.Publisher, error)
	// PublisherLedger gives at most limit statements after a sequence number.
	PublisherLedger(ctx context.Context, name string, after, limit int) (index.LedgerPage, error)
	// PlatformKeys are those whose ledgers count at this site, its own first.
	PlatformKeys(ctx context.Context) ([]index.PlatformKey, error)
	PublisherKeys
	PublisherVerification
}

// PublisherKeys adds and revokes keys of publishers.
type PublisherKeys interface {
	AddPublisherKey(ctx context.Context, name string, k index.NewPublisherKey) (index.Publisher, error)
	RevokePublisherKey(ctx context.Context, name, id string, r index.KeyRevocation) (index.Publisher, error)
}

// PublisherVerification says that a publisher is who it seems to be.
type PublisherVerification interface {
	VerifyPublisher(ctx context.Context, name string, v index.VerifyRequest) (index.Publisher, error)
	UnverifyPublisher(ctx context.Context, name, reason string) (index.Publisher, error)
}

// PublisherParam names a publisher in a path.
type PublisherParam struct {
	Publisher string `path:"publisher" doc:"Publisher name." example:"acme"`
}

type publisherOutput struct{ Body index.Publisher }

type ledgerOutput struct{ Body index.LedgerPage }

type platformKeysOutput struct{ Body index.PlatformKeyList }

type ledgerInput struct {
	PublisherParam
	After int `query:"after" minimum:"0" doc:"Sequence number after which the page begins."`
	Limit int `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type addKeyInput struct {
	PublisherParam
	Body index.NewPublisherKey
}

type revokeKeyInput struct {
	PublisherParam
	ID   string `path:"id" doc:"Id of the key, with or without sha256:."`
	Body index.KeyRevocation
}

type verifyInput struct {
	PublisherParam
	Body index.VerifyRequest
}

type unverifyInput struct {
	PublisherParam
	Reason string `query:"reason" required:"true"`
}

func (s *Server) publisherRoutes(a huma.API) {
	op := func(op huma.Operation, errors ...int) huma.Operation {
		op.Path, op.Tags, op.MaxBodyBytes = "/api/v1"+op.Path, []string{"publishers"}, s.MaxBody
		op.Middlewares = huma.Middlewares{s.withPublishers}
		op.Errors = append([]int{http.StatusBadRequest, http.StatusNotFound}, errors...)
		return op
	}
	changes := func(o huma.Operation) huma.Operation {
		o.Security = []map[string][]string{{"bearer": {}}}
		return op(o, http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	huma.Register(a, op(huma.Operation{OperationID: "publisher", Method: http.MethodGet, Path: "/publishers/{publisher}",
		Summary: "Show a publisher", Description: "Its record: keys, by what it is verified, and the head of its ledger."}),
		func(ctx context.Context, in *PublisherParam) (*publisherOutput, error) {
			return publisherAnswer(s.Publishers.Publisher(ctx, in.Publisher))
		})
	huma.Register(a, op(huma.Operation{OperationID: "publisher-ledger", Method: http.MethodGet, Path: "/publishers/{publisher}/ledger",
		Summary: "Read a publisher's ledger", Description: "Every statement that holds, the oldest first."}),
		func(ctx context.Context, in *ledgerInput) (*ledgerOutput, error) {
			p, err := s.Publishers.PublisherLedger(ctx, in.Publisher, in.After, in.Limit)
			return &ledgerOutput{p}, err
		})
	huma.Register(a, op(huma.Operation{OperationID: "platform-keys", Method: http.MethodGet, Path: "/platform-keys",
		Summary: "List platform keys", Description: "Keys of the sites whose ledgers count here, this one's first."}),
		func(ctx context.Context, _ *struct{}) (*platformKeysOutput, error) {
			keys, err := s.Publishers.PlatformKeys(ctx)
			return &platformKeysOutput{index.PlatformKeyList{Items: keys}}, err
		})
	huma.Register(a, changes(huma.Operation{OperationID: "add-publisher-key", Method: http.MethodPost, Path: "/publishers/{publisher}/keys",
		Summary: "Add a key", Description: "As a statement in the publisher's ledger."}),
		func(ctx context.Context, in *addKeyInput) (*publisherOutput, error) {
			return publisherAnswer(s.Publishers.AddPublisherKey(ctx, in.Publisher, in.Body))
		})
	huma.Register(a, changes(huma.Operation{OperationID: "revoke-publisher-key", Method: http.MethodPost, Path: "/publishers/{publisher}/keys/{id}/revoke",
		Summary: "Revoke a key", Description: "Says from when on nothing that it signed counts."}),
		func(ctx context.Context, in *revokeKeyInput) (*publisherOutput, error) {
			return publisherAnswer(s.Publishers.RevokePublisherKey(ctx, in.Publisher, unescape(in.ID), in.Body))
		})
	huma.Register(a, changes(huma.Operation{OperationID: "verify-publisher", Method: http.MethodPost, Path: "/publishers/{publisher}/verification",
		Summary: "Verify a publisher", Description: "By a TXT record of a domain, by the organisation of the caller's login, or by an administrator's word."}),
		func(ctx context.Context, in *verifyInput) (*publisherOutput, error) {
			return publisherAnswer(s.Publishers.VerifyPublisher(ctx, in.Publisher, in.Body))
		})
	huma.Register(a, changes(huma.Operation{OperationID: "unverify-publisher", Method: http.MethodDelete, Path: "/publishers/{publisher}/verification",
		Summary: "Withdraw a verification", Description: "With the reason."}),
		func(ctx context.Context, in *unverifyInput) (*publisherOutput, error) {
			return publisherAnswer(s.Publishers.UnverifyPublisher(ctx, in.Publisher, in.Reason))
		})
}

func publisherAnswer(p index.Publisher, err error) (*publisherOutput, error) {
	return &publisherOutput{p}, err
}

// withPublishers answers 404 on a server that has none.
func (s *Server) withPublishers(c huma.Context, next func(huma.Context)) {
	if s.Publishers != nil {
		next(c)
		return
	}
	e := humaecho.Unwrap(c)
	writeProblem(e.Response(), refuse(http.StatusNotFound, codeRouteNotFound, "this server keeps no ledgers"))
}
