package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index"
)

// DesiredStates are what hosts of tenants are to run.
type DesiredStates interface {
	// RotateHost gives a host another credential.
	RotateHost(ctx context.Context, id, name string) (index.HostSecret, error)
	Desired(ctx context.Context, id, name string, q index.DesiredQuery) (index.Desired, error)
}

// dsseType is the media type of an envelope in JSON.
const dsseType = "application/vnd.dsse.envelope.v1+json"

// longestWait is how many seconds a poll may be held.
const longestWait = 50

type (
	hostSecretOutput struct{ Body index.HostSecret }
	desiredInput     struct {
		TenantHostParams
		Wait     int    `query:"wait" minimum:"0" maximum:"50" doc:"Seconds for which the answer is held back while nothing changes."`
		Epoch    string `query:"epoch" maxLength:"60" doc:"Epoch of the document that the host goes by. One that is ahead is 409." example:"1.42"`
		Match    string `header:"If-None-Match" doc:"ETag of the document that the caller has."`
		Modified string `header:"If-Modified-Since" doc:"Last-Modified of that document: it is signed anew once half of its time is over."`
		Accept   string `header:"Accept" doc:"text/event-stream follows: the event \"desired\" comes at once and after every change."`
	}
)

func (s *Server) desiredRoutes(a huma.API, guarded guard) {
	huma.Register(a, guarded(huma.Operation{OperationID: "rotate-tenant-host", Method: http.MethodPost, Path: "/{tenant}/hosts/{host}/rotate",
		Summary: "Give a host another credential", Description: "The one that it had ends at once. What runs on it goes on."}),
		func(ctx context.Context, in *TenantHostParams) (*hostSecretOutput, error) {
			h, err := s.Tenants.RotateHost(ctx, in.Tenant, in.Host)
			return &hostSecretOutput{h}, err
		})
	op := guarded(huma.Operation{OperationID: "desired-state", Method: http.MethodGet, Path: "/{tenant}/hosts/{host}/desired",
		Summary: "What a host is to run",
		Description: "A DSSE envelope, signed by the online key of the site's signed catalog; " +
			"the type of its payload is " + index.DesiredStateType + ". For the host itself, and for who may read the tenant. " +
			"The ETag covers everything but times: 304 is answered while more than half of the document's time is left. " +
			"A host that goes by a later epoch than the server has is answered 409 conflict, with both states and what to do.",
		Errors: []int{http.StatusConflict, http.StatusServiceUnavailable}})
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The document, or a stream of them.", Content: map[string]*huma.MediaType{
			dsseType: {Schema: &huma.Schema{Type: "object"}}, "text/event-stream": {Schema: &huma.Schema{Type: "string"}}}},
		"304": {Description: "What the caller has is what it is to run."},
	}
	huma.Register(a, op, s.desired)
}

func (s *Server) desired(ctx context.Context, in *desiredInput) (*huma.StreamResponse, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	d, err := s.Tenants.Desired(ctx, in.Tenant, in.Host, q)
	if err != nil {
		return nil, err
	}
	return stream(func(w http.ResponseWriter, _ *http.Request) { sendDesired(w, d) }), nil
}

func (in *desiredInput) query() (q index.DesiredQuery, err error) {
	q.ETag = in.Match
	if in.Epoch != "" {
		if q.Epoch, err = index.ParseEpoch(in.Epoch); err != nil {
			return q, invalid(codeInvalidParameter, err, "give the epoch of the document that the host goes by, or leave it out")
		}
	}
	if in.Modified != "" {
		if q.Issued, err = http.ParseTime(in.Modified); err != nil {
			q.Issued, err = time.Time{}, nil // as RFC 9110, 13.1.3, has it
		}
	}
	return q, nil
}

// sendDesired answers with a document, or says that the caller's is good.
func sendDesired(w http.ResponseWriter, d index.Desired) {
	h := w.Header()
	h.Set("ETag", d.ETag)
	h.Set("Cache-Control", "private, no-cache")
	if d.Unchanged {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", dsseType)
	h.Set("Last-Modified", d.IssuedAt.UTC().Format(http.TimeFormat))
	_, _ = w.Write(d.Envelope) // who left is told nothing
}
