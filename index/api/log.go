package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// A PublicationLog proves what was published. Its errors are *index.Problem, or
// say that it could not tell.
type PublicationLog interface {
	State() index.Log
	// Page gives at most limit leaves from a number on, with their salts: all, or
	// those about a publisher where that is not "".
	Page(ctx context.Context, publisher string, from int64, limit int) (index.LogPage, error)
	// Recover has the database hold what the registry carries of the log.
	Recover(ctx context.Context, r index.LogRecovery) (index.LogRecovered, error)
	// ProveVersion gives a proof as it travels, for who may see the plugin.
	ProveVersion(ctx context.Context, id artifact.Name, d digest.Digest) (string, error)
}

type logOutput struct{ Body index.Log }

type logPageInput struct {
	From      int64  `query:"from" minimum:"0" doc:"Number of the first leaf."`
	Limit     int    `query:"limit" minimum:"1" maximum:"1000" default:"500"`
	Publisher string `query:"publisher" doc:"Only what is about this publisher and its plugins: for those who may read the audit log of the namespace." example:"acme"`
}

type logRecoverInput struct{ Body index.LogRecovery }

type logRecoverOutput struct{ Body index.LogRecovered }

// RecoverLog is asked before the publication log is recovered.
const RecoverLog Action = "site:manage"

type logPageOutput struct{ Body index.LogPage }

func (s *Server) logRoutes(a huma.API) {
	op := func(o huma.Operation, errors ...int) huma.Operation {
		o.Tags, o.Method, o.Middlewares = []string{"log"}, http.MethodGet, huma.Middlewares{s.withLog}
		o.Errors = append([]int{http.StatusBadRequest, http.StatusNotFound}, errors...)
		return o
	}
	huma.Register(a, op(huma.Operation{OperationID: "log", Path: "/api/v1/log",
		Summary: "Show the publication log", Description: "How far it is, and the key that verifies its checkpoints. The log itself is at /log/ (C2SP tlog-tiles)."}),
		func(context.Context, *struct{}) (*logOutput, error) { return &logOutput{s.Publog.State()}, nil })
	leaves := op(huma.Operation{OperationID: "log-leaves", Path: "/api/v1/log/leaves",
		Summary: "Read the events of the publication log",
		Description: "All of them, those about private plugins too: for those who may read the audit log of the site. " +
			"A page may hold few or none and name another."},
		http.StatusUnauthorized, http.StatusForbidden)
	leaves.Security = []map[string][]string{{"bearer": {}}}
	huma.Register(a, leaves, func(ctx context.Context, in *logPageInput) (*logPageOutput, error) {
		if in.Publisher != "" {
			if err := artifact.CheckSegment(in.Publisher); err != nil {
				return nil, err
			}
		}
		if err := s.Authorize(ctx, ReadAudit, in.Publisher); err != nil {
			return nil, err
		}
		page, err := s.Publog.Page(ctx, in.Publisher, in.From, in.Limit)
		return &logPageOutput{page}, err
	})
	recovery := op(huma.Operation{OperationID: "recover-log", Path: "/api/v1/log/recover",
		Summary: "Recover the publication log",
		Description: "Makes the database have the leaves again that the registry carries (oarlock/log), after it was lost or restored. " +
			"Refused where they are fewer than the last checkpoint that is known signs."},
		http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusServiceUnavailable)
	recovery.Method, recovery.Security = http.MethodPost, leaves.Security
	huma.Register(a, onSite(recovery, RecoverLog), func(ctx context.Context, in *logRecoverInput) (*logRecoverOutput, error) {
		if err := s.Authorize(ctx, RecoverLog, ""); err != nil {
			return nil, err
		}
		done, err := s.Publog.Recover(ctx, in.Body)
		return &logRecoverOutput{done}, err
	})
	proof := op(huma.Operation{OperationID: "proof", Path: "/api/v1/plugins/{publisher}/{name}/versions/{version}/proof",
		Summary: "Prove a publication", Description: "The proof that the publication log has the version (C2SP tlog-proof), which holds offline against the log's key. Its extra data is the salt, 32 bytes, and the event."},
		http.StatusConflict, http.StatusServiceUnavailable)
	proof.Responses = map[string]*huma.Response{"200": {Description: "The proof.", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	huma.Register(a, proof, s.proof)
}

type proofInput struct {
	NameParams
	Version string `path:"version" doc:"SemVer of the version." example:"1.2.0"`
}

func (s *Server) proof(ctx context.Context, in *proofInput) (*huma.StreamResponse, error) {
	id, err := in.name()
	if err != nil {
		return nil, err
	}
	v, err := (&versionInput{Version: in.Version}).wanted()
	if err != nil {
		return nil, err
	}
	gen, err := s.generation(ctx, 0)
	if err != nil {
		return nil, err
	}
	p, ok := gen.Snapshot.Plugin(id)
	if !ok {
		return nil, noPlugin(gen.Snapshot, id)
	}
	found, ok := p.At(v)
	switch {
	case !ok:
		return nil, noVersion(p, v.String())
	case len(found.Pending) > 0:
		return nil, index.NewProblem(index.CodeVersionNotListed, id.String()+"@"+v.String()+" is not listed: "+found.Pending[0].Detail,
			"ask for its proof when it is listed; oarlock why says what it waits for")
	case !(read{gen, s.hostOf(callOf(ctx)), s.asker(ctx)}).rows().Whole(p, found): // a proof has the digest
		return nil, index.NewProblem(index.CodeVersionNotListed, fmt.Sprintf("%s is %s, and the digest of %s is told to those alone who have it", id, p.State, v),
			"see since when, by whom and why: oarlock show "+id.String())
	}
	text, err := s.Publog.ProveVersion(ctx, id, found.Digest)
	if err != nil {
		return nil, err
	}
	return stream(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "private, no-cache")
		_, _ = w.Write([]byte(text))
	}), nil
}

// withLog answers 404 on a server that keeps no publication log.
func (s *Server) withLog(c huma.Context, next func(huma.Context)) {
	if s.Publog != nil {
		next(c)
		return
	}
	writeProblem(humaecho.Unwrap(c).Response(), refuse(http.StatusNotFound, codeRouteNotFound, "this server keeps no publication log"))
}
