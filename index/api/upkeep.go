package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Upkeep looks after stored bytes, and says which may not be read.
type Upkeep interface {
	// Repair is Fsck that fixes what it can: Mended says how.
	Repair(ctx context.Context, report func(index.Damage)) error
	// Scrub hashes all stored bytes again, from where it was ended before. It
	// tells damaged of each damage, and progress now and then.
	Scrub(ctx context.Context, damaged func(index.Damage), progress func(index.Scrub)) (index.Scrub, error)
	ScrubStatus(ctx context.Context) (index.ScrubStatus, error)
	// Publication says how far a version is that is being published.
	Publication(ctx context.Context, id artifact.Name, v artifact.Version) (index.Publication, error)
	Blocks
}

// Blocks keep versions, digests and repositories from being pulled.
type Blocks interface {
	Blocked(ctx context.Context) ([]index.Block, error)
	Block(ctx context.Context, b index.BlockRequest) (index.Block, error)
	Unblock(ctx context.Context, repository, reference string) error
}

type blocksOutput struct{ Body index.BlockList }

type blockOutput struct{ Body index.Block }

type blockInput struct{ Body index.BlockRequest }

type unblockInput struct {
	Repository string `query:"repository"`
	Reference  string `query:"reference"`
}

type scrubOutput struct{ Body index.ScrubStatus }

// upkeepRoutes serves the Upkeep, where there is one. The description has it
// in any case.
func (s *Server) upkeepRoutes(a huma.API) {
	publication := publicationOperation()
	publication.Tags, publication.Security = []string{"catalog"}, []map[string][]string{{}, {"bearer": {}}}
	publication.Middlewares = huma.Middlewares{s.withUpkeep}
	publication.Errors = append(publication.Errors, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden)
	huma.Register(a, publication, s.publication)
	guarded := func(op huma.Operation) huma.Operation {
		op.Path = "/api/v1/admin" + op.Path
		op.Tags = []string{"admin"}
		op.Security = []map[string][]string{{"bearer": {}}}
		op.MaxBodyBytes = s.MaxBody
		op.Middlewares = huma.Middlewares{s.withUpkeep}
		op.Errors = append([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden}, op.Errors...)
		return op
	}
	lines := map[string]*huma.Response{"200": {Description: "A stream of lines.",
		Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: "string"}}}}}
	huma.Register(a, guarded(huma.Operation{OperationID: "repair", Method: http.MethodPost, Path: "/repair", Responses: lines,
		Summary:     "Fix what is stored",
		Description: "Is fsck that fixes what it can: bytes from memory or a mirror, links from manifests. One JSON object per line: each damage, with mended where it is whole again, and a last line {\"done\":true}, without which it did not end."}), s.repair)
	huma.Register(a, guarded(huma.Operation{OperationID: "scrub", Method: http.MethodPost, Path: "/scrub", Responses: lines,
		Summary:     "Hash all stored bytes again",
		Description: "Goes on where an earlier one was ended. One JSON object per line: each damage, {\"progress\":{…}} about every second, and a last line {\"done\":true,\"scrub\":{…}}, without which it did not end."}), s.scrub)
	huma.Register(a, guarded(huma.Operation{OperationID: "scrub-status", Method: http.MethodGet, Path: "/scrub",
		Summary: "Read how far the scrub is", Description: "With what it found, and what is in quarantine."}),
		func(ctx context.Context, _ *struct{}) (*scrubOutput, error) {
			if err := s.Authorize(ctx, Fsck, ""); err != nil {
				return nil, err
			}
			status, err := s.Upkeep.ScrubStatus(ctx)
			return &scrubOutput{status}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "blocks", Method: http.MethodGet, Path: "/blocks",
		Summary: "List what may not be pulled", Description: "By repository and digest."}),
		func(ctx context.Context, _ *struct{}) (*blocksOutput, error) {
			items, err := s.Upkeep.Blocked(ctx)
			return &blocksOutput{index.BlockList{Items: items}}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "block", Method: http.MethodPost, Path: "/blocks",
		Summary: "Keep something from being pulled", Description: "Holds when this is answered, and at every replica within a second. Record, tags and signatures stay readable.", Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *blockInput) (*blockOutput, error) {
			b, err := s.Upkeep.Block(ctx, in.Body)
			return &blockOutput{b}, err
		})
	huma.Register(a, guarded(huma.Operation{OperationID: "unblock", Method: http.MethodDelete, Path: "/blocks",
		Summary: "Let something be pulled again", Description: "Ends one block.", DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusNotFound}}),
		func(ctx context.Context, in *unblockInput) (*struct{}, error) {
			return nil, s.Upkeep.Unblock(ctx, in.Repository, in.Reference)
		})
}

func (s *Server) withUpkeep(c huma.Context, next func(huma.Context)) {
	if s.Upkeep != nil {
		next(c)
		return
	}
	writeProblem(humaecho.Unwrap(c).Response(), refuse(http.StatusNotFound, codeRouteNotFound, "this server keeps no bytes"))
}

func (s *Server) repair(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	if err := s.Authorize(ctx, Fsck, ""); err != nil {
		return nil, err
	}
	return stream(s.lines("repair", func(r *http.Request, line func(any)) (any, error) {
		found := 0
		err := s.Upkeep.Repair(r.Context(), func(d index.Damage) { found++; line(d) })
		return index.CheckDone{Done: true, Damaged: found}, err
	})), nil
}

func (s *Server) scrub(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	if err := s.Authorize(ctx, Fsck, ""); err != nil {
		return nil, err
	}
	return stream(s.lines("scrub", func(r *http.Request, line func(any)) (any, error) {
		told := time.Now()
		done, err := s.Upkeep.Scrub(r.Context(), func(d index.Damage) { line(d) }, func(p index.Scrub) {
			if time.Since(told) > time.Second {
				told = time.Now()
				line(index.ScrubProgress{Progress: p})
			}
		})
		return index.ScrubDone{Done: true, Scrub: done}, err
	})), nil
}

// lines answers with one JSON object per line, and a last one that says how it
// ended. What writes stops when the reader is gone, because that ends the
// request's context.
func (s *Server) lines(what string, write func(r *http.Request, line func(any)) (last any, err error)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.Header().Set("Cache-Control", "no-store")
		out, lines := http.NewResponseController(w), json.NewEncoder(w)
		last, err := write(r, func(v any) {
			if lines.Encode(v) == nil {
				out.Flush()
			}
		})
		if err != nil {
			last = index.StreamFailed{Error: asProblem(r.Context(), err)}
		}
		if err := lines.Encode(last); err != nil {
			s.Log.DebugContext(r.Context(), what+": the reader is gone", "err", err)
		}
	}
}
