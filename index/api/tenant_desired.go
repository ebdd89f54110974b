package api

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index"
)

// DesiredStates are what hosts of tenants are to run.
type DesiredStates interface {
	// RotateHost gives a host another credential.
	RotateHost(ctx context.Context, id, name string) (index.HostSecret, error)
	Desired(ctx context.Context, id, name string, q index.DesiredQuery) (index.Desired, error)
	// Resolve decides for a host that is ahead of its server.
	Resolve(ctx context.Context, id, name string, c index.EpochChoice) (index.EpochResolved, error)
	// Report takes what a host says of itself.
	Report(ctx context.Context, id, name string, r index.HostReport) (index.HostReported, error)
}

// dsseType is the media type of an envelope in JSON.
const dsseType = "application/vnd.dsse.envelope.v1+json"

type (
	hostSecretOutput struct{ Body index.HostSecret }
	resolveHostInput struct {
		TenantHostParams
		Body index.EpochChoice
	}
	epochResolvedOutput struct{ Body index.EpochResolved }
	reportInput         struct {
		TenantHostParams
		Body index.HostReport
	}
	reportedOutput struct{ Body index.HostReported }
	desiredInput   struct {
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
	huma.Register(a, guarded(huma.Operation{OperationID: "resolve-tenant-host", Method: http.MethodPost, Path: "/{tenant}/hosts/{host}/resolve",
		Summary: "Decide for a host that is ahead of its server", Errors: []int{http.StatusConflict},
		Description: "As after the server was restored from a backup. What the server says counts under an epoch after the host's, " +
			"or the tenant is pinned to what the host reported that it runs."}),
		func(ctx context.Context, in *resolveHostInput) (*epochResolvedOutput, error) {
			e, err := s.Tenants.Resolve(ctx, in.Tenant, in.Host, in.Body)
			return &epochResolvedOutput{e}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "report-host", Method: http.MethodPost, Path: "/{tenant}/hosts/{host}/report",
		Summary: "Say what a host runs", Description: "For the host itself, and for who may change the tenant. " +
			"A report by which something else runs than before is one row of the audit log, with the plugins that changed; the same again leaves none."}),
		func(ctx context.Context, in *reportInput) (*reportedOutput, error) {
			r, err := s.Tenants.Report(ctx, in.Tenant, in.Host, in.Body)
			return &reportedOutput{r}, err
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

// MayHold reports whether a request is one that is held back until something changes.
func MayHold(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, tenantsPath) && strings.HasSuffix(r.URL.Path, "/desired")
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
	if strings.Contains(in.Accept, "text/event-stream") {
		return stream(func(w http.ResponseWriter, r *http.Request) { s.followDesired(w, r, in, q, d) }), nil
	}
	if in.Wait > 0 && d.Unchanged {
		over := time.NewTimer(time.Duration(in.Wait) * time.Second)
		defer over.Stop()
		for more := true; more && err == nil && d.Unchanged; {
			if more = s.awaits(ctx, d, over.C); more {
				d, err = s.Tenants.Desired(ctx, in.Tenant, in.Host, q)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return stream(func(w http.ResponseWriter, _ *http.Request) { sendDesired(w, d) }), nil
}

// awaits holds a poll back, as one that is not being answered, until another answer may
// be due: false is that the wait is over.
func (s *Server) awaits(ctx context.Context, d index.Desired, over <-chan time.Time) bool {
	resume := s.Hold(ctx)
	defer resume()
	select {
	case <-d.Moved:
		return true
	case <-over:
	case <-ctx.Done():
	case <-s.draining:
	}
	return false
}

// followDesired tells what a host is to run, now and after every change.
func (s *Server) followDesired(w http.ResponseWriter, r *http.Request, in *desiredInput, q index.DesiredQuery, d index.Desired) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		line := ": still here\n\n"
		if !d.Unchanged {
			line = "event: desired\nid: " + strings.Trim(d.ETag, `"`) + "\ndata: " + string(d.Envelope) + "\n\n"
			q = index.DesiredQuery{ETag: d.ETag, Issued: d.IssuedAt}
		}
		if _, err := io.WriteString(w, line); err != nil || out.Flush() != nil {
			return
		}
		if !s.awaits(r.Context(), d, beat.C) && s.left(r.Context()) {
			return
		}
		var err error
		if d, err = s.Tenants.Desired(r.Context(), in.Tenant, in.Host, q); err != nil {
			return // the caller is told by its next request
		}
	}
}

// left reports whether nobody is there any more who would be told, or who tells.
func (s *Server) left(ctx context.Context) bool {
	select {
	case <-s.draining:
		return true
	default:
		return ctx.Err() != nil
	}
}

func (in *desiredInput) query() (q index.DesiredQuery, err error) {
	q.ETag = in.Match
	if in.Epoch != "" {
		if q.Epoch, err = index.ParseEpoch(in.Epoch); err != nil {
			return q, invalid(codeInvalidParameter, err, "give the epoch of the document that the host goes by, or leave it out")
		}
	}
	if in.Modified != "" {
		if at, err := http.ParseTime(in.Modified); err == nil { // another is passed over: RFC 9110, 13.1.3
			q.Issued = at
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
