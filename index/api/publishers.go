package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/opencontainers/go-digest"
)

// Publishers are what the ledgers say, and who adds to them. Errors are
// *index.Problem or of a kind of artifact.
type Publishers interface {
	// Publisher is the record of a publisher, wherever its ledger came from.
	Publisher(ctx context.Context, name string) (Publisher, error)
	// PublisherLedger gives at most limit statements after a sequence number.
	PublisherLedger(ctx context.Context, name string, after, limit int) (LedgerPage, error)
	// PlatformKeys are those whose ledgers count at this site, its own first.
	PlatformKeys(ctx context.Context) ([]PlatformKey, error)
	PublisherKeys
	PublisherVerification
}

// PublisherKeys adds and revokes keys of publishers.
type PublisherKeys interface {
	AddPublisherKey(ctx context.Context, name string, k NewPublisherKey) (Publisher, error)
	RevokePublisherKey(ctx context.Context, name, id string, r KeyRevocation) (Publisher, error)
}

// PublisherVerification says that a publisher is who it seems to be.
type PublisherVerification interface {
	VerifyPublisher(ctx context.Context, name string, v VerifyRequest) (Publisher, error)
	UnverifyPublisher(ctx context.Context, name, reason string) (Publisher, error)
}

// A Publisher is the record of a publisher, as its ledger says it.
type Publisher struct {
	Name       string            `json:"name" example:"acme"`
	ClaimedAt  time.Time         `json:"claimed_at"`
	Private    bool              `json:"private"`
	Publishing string            `json:"publishing" enum:"on,off"`
	ClosedAt   *time.Time        `json:"closed_at,omitempty"`
	Owners     []string          `json:"owners"`
	Keys       []PublisherKey    `json:"keys" doc:"All that it ever had, the oldest first."`
	Verified   *VerifiedBy       `json:"verified,omitempty" doc:"By what it is verified; nothing where it is not."`
	Ledger     LedgerHead        `json:"ledger"`
	Problems   []LedgerProblem   `json:"problems" doc:"What is wrong with the ledger that lies in the registry. The record is then what was known before."`
	Proof      map[string]string `json:"proof,omitempty" doc:"For those who manage it: what proves a domain, by kind of evidence."`
}

// A PublisherKey is a key of a publisher.
type PublisherKey struct {
	Name        string     `json:"name"`
	ID          string     `json:"id" doc:"Digest of the key's PKIX form." example:"sha256:…"`
	PEM         string     `json:"pem"`
	From        time.Time  `json:"from" doc:"What it signed from then on counts."`
	AddedAt     time.Time  `json:"added_at"`
	RevokedAt   *time.Time `json:"revoked_at,omitempty"`
	RevokedFrom *time.Time `json:"revoked_from,omitempty" doc:"What it signed from then on does not count."`
	Reason      string     `json:"reason,omitempty"`
}

// VerifiedBy says by what a publisher is verified.
type VerifiedBy struct {
	Evidence string    `json:"evidence" enum:"dns,oidc,administrator"`
	Domain   string    `json:"domain,omitempty"`
	Record   string    `json:"record,omitempty" doc:"The TXT record that was found."`
	Issuer   string    `json:"issuer,omitempty"`
	Claim    string    `json:"claim,omitempty" doc:"What the login's claims gave."`
	Note     string    `json:"note,omitempty"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Sequence int       `json:"sequence" doc:"The statement that says so."`
}

// A LedgerHead is how far a ledger goes.
type LedgerHead struct {
	Reference string        `json:"reference" doc:"What an OCI client copies." example:"oarlock/publishers:acme"`
	Sequence  int           `json:"sequence" doc:"How many statements hold."`
	Head      digest.Digest `json:"head" doc:"The last of them, which stands for all."`
	Platform  string        `json:"platform" doc:"Key of the site that began it."`
	Foreign   bool          `json:"foreign" doc:"It came by a mirror, and grows at another site."`
}

// A LedgerProblem is one thing wrong with a ledger.
type LedgerProblem struct {
	Code     string        `json:"code" example:"ledger_forged"`
	Detail   string        `json:"detail"`
	Sequence int           `json:"sequence,omitempty"`
	Digest   digest.Digest `json:"digest,omitempty"`
}

// A LedgerStatement is one statement of a ledger.
type LedgerStatement struct {
	Sequence int            `json:"sequence"`
	Digest   digest.Digest  `json:"digest"`
	Kind     string         `json:"kind" example:"key.added"`
	At       time.Time      `json:"at"`
	Actor    string         `json:"actor"`
	Role     string         `json:"role"`
	Subject  digest.Digest  `json:"subject"`
	Body     map[string]any `json:"body"`
}

// A LedgerPage is one page of a ledger, the oldest first.
type LedgerPage struct {
	Items []LedgerStatement `json:"items"`
	Total int               `json:"total"`
	// Next is what after= gives the next page; 0 on the last.
	Next int `json:"next,omitempty" doc:"after= of the next page."`
}

// A PlatformKey is the key of a site whose ledgers count.
type PlatformKey struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	PEM  string `json:"pem"`
	Own  bool   `json:"own" doc:"This site's own."`
}

// PlatformKeyList is the answer to a listing of platform keys.
type PlatformKeyList struct {
	Items []PlatformKey `json:"items"`
}

// A NewPublisherKey is a key to add.
type NewPublisherKey struct {
	Name string     `json:"name" doc:"What it is called." example:"release"`
	PEM  string     `json:"pem" doc:"The public key."`
	From *time.Time `json:"from,omitempty" doc:"From when on it counts; always by default. With a time, signatures have to prove theirs."`
}

// A KeyRevocation ends a key.
type KeyRevocation struct {
	From   *time.Time `json:"from,omitempty" doc:"From when on nothing that it signed counts; now by default."`
	Reason string     `json:"reason"`
}

// A VerifyRequest says by what a publisher is to be verified.
type VerifyRequest struct {
	Evidence string `json:"evidence" enum:"dns,oidc,administrator"`
	Domain   string `json:"domain,omitempty" doc:"For dns: where the TXT record is."`
	Note     string `json:"note,omitempty" doc:"For administrator: what was looked at."`
}

// PublisherParam names a publisher in a path.
type PublisherParam struct {
	Publisher string `path:"publisher" doc:"Publisher name." example:"acme"`
}

type publisherOutput struct{ Body Publisher }

type ledgerOutput struct{ Body LedgerPage }

type platformKeysOutput struct{ Body PlatformKeyList }

type ledgerInput struct {
	PublisherParam
	After int `query:"after" minimum:"0" doc:"Sequence number after which the page begins."`
	Limit int `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type addKeyInput struct {
	PublisherParam
	Body NewPublisherKey
}

type revokeKeyInput struct {
	PublisherParam
	ID   string `path:"id" doc:"Id of the key, with or without sha256:."`
	Body KeyRevocation
}

type verifyInput struct {
	PublisherParam
	Body VerifyRequest
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
			return &platformKeysOutput{PlatformKeyList{keys}}, err
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

func publisherAnswer(p Publisher, err error) (*publisherOutput, error) {
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
