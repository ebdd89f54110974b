package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/explained"
	"github.com/oarlock/oarlock/index/lifecycle/table"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/explain"
)

// maxPolicy is the largest body with a policy and its files, in bytes.
const maxPolicy = 16 << 20

type explainOutput struct{ Body explained.Explained }

type policyOutput struct{ Body explained.Policy }

type tryInput struct{ Body index.PolicyFiles }

func (s *Server) policyRoutes(a huma.API) {
	guarded := func(op huma.Operation, errors ...int) huma.Operation {
		op.Tags = []string{"policy"}
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Middlewares = huma.Middlewares{s.withPolicies}
		op.Errors = append([]int{http.StatusUnauthorized, http.StatusForbidden}, errors...)
		return op
	}
	huma.Register(a, guarded(huma.Operation{
		OperationID: "explainPolicy", Method: http.MethodGet, Path: "/api/v1/plugins/{publisher}/{name}/versions/{version}/policy",
		Summary: "Explain a judgement", Description: "Judges a version by the trust policy now, and tells it step by step: which namespace decides, each piece of evidence, each requirement, and what would make it pass.",
	}, http.StatusBadRequest, http.StatusNotFound), s.explain)
	huma.Register(a, guarded(huma.Operation{
		OperationID: "policy", Method: http.MethodGet, Path: "/api/v1/admin/policy",
		Summary: "Show the trust policy", Description: "The policy in force, namespace by namespace.",
	}), func(ctx context.Context, _ *struct{}) (*policyOutput, error) {
		if err := s.Authorize(ctx, ReadPolicy, ""); err != nil {
			return nil, err
		}
		p, err := s.Policies.InForce(ctx)
		return &policyOutput{p}, err
	})
	try := guarded(huma.Operation{
		OperationID: "testPolicy", Method: http.MethodPost, Path: "/api/v1/admin/policy/test",
		Summary: "Try a trust policy", Description: "Judges everything stored by a policy that is not in force, and changes nothing. One JSON object per line: {\"change\":{…}} for each version of which it would make something else, {\"progress\":{…}} now and then, and a last line {\"done\":true,\"report\":{…}}, without which the trial did not end.",
		MaxBodyBytes: maxPolicy, Metadata: map[string]any{siteAction: TestPolicy},
		Responses: map[string]*huma.Response{"200": {Description: "A stream of lines.",
			Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: "string"}}}}},
	}, http.StatusBadRequest)
	huma.Register(a, try, s.try)
}

// withPolicies answers 404 on a server that has none.
func (s *Server) withPolicies(c huma.Context, next func(huma.Context)) {
	if s.Policies != nil {
		next(c)
		return
	}
	e := humaecho.Unwrap(c)
	writeProblem(e.Response(), refuse(http.StatusNotFound, codeRouteNotFound, "this server judges by no trust policy"))
}

func (s *Server) explain(ctx context.Context, in *versionInput) (*explainOutput, error) {
	id, err := in.name()
	if err != nil {
		return nil, err
	}
	if err := s.Authorize(ctx, ReadPlugin, id.String()); err != nil {
		return nil, err
	}
	gen, err := s.generation(ctx, in.Generation)
	if err != nil {
		return nil, err
	}
	wanted, err := in.wanted()
	if err != nil {
		return nil, err
	}
	p, ok := gen.Snapshot.Plugin(id)
	if !ok {
		return nil, noPlugin(gen.Snapshot, id)
	}
	v, ok := p.At(wanted)
	if !ok {
		return nil, noVersion(p, wanted.String())
	}
	rows := read{gen, s.hostOf(callOf(ctx)), s.asker(ctx)}.rows()
	if !rows.Whole(p, v) { // to the caller it is a tombstone: why it is none of the judge's, and no digest
		out := explained.Explained{Stamp: gen.Stamp(), ID: id.String(), Version: v.Version.String(),
			Explanation: explain.Explanation{Rule: explain.RuleOf(nil), Outcome: policy.Deny, Steps: catalogSteps(p, v, false), Fixes: []string{}}}
		return &explainOutput{out}, nil
	}
	out := explained.Explained{Stamp: gen.Stamp(), ID: id.String(), Version: v.Version.String(), Digest: v.Digest,
		Reference: rows.Reference(id, v.Digest), Listed: p.Installable() && v.Listed()}
	if out.Explanation, err = s.Policies.Explain(ctx, id, v, out.Reference); err != nil {
		return nil, err
	}
	out.Steps = append(out.Steps, catalogSteps(p, v, s.ListsDenied && !out.Outcome.Allowed())...)
	return &explainOutput{out}, nil
}

func (s *Server) try(ctx context.Context, in *tryInput) (*huma.StreamResponse, error) {
	if err := s.Authorize(ctx, TestPolicy, ""); err != nil {
		return nil, err
	}
	run, err := s.Policies.Trial(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return stream(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/x-ndjson")
		h.Set("Cache-Control", "no-store")
		out, lines := http.NewResponseController(w), json.NewEncoder(w)
		report, err := run(r.Context(),
			func(c index.PolicyChange) error { return lines.Encode(index.PolicyTrialChange{Change: c}) },
			func(t index.PolicyTrial) error {
				if err := lines.Encode(index.PolicyTrialProgress{Progress: t}); err != nil {
					return err
				}
				return out.Flush()
			})
		last := any(index.PolicyTrialDone{Done: true, Report: report})
		if err != nil {
			last = index.StreamFailed{Error: asProblem(r.Context(), err)}
		}
		if err := lines.Encode(last); err != nil {
			s.Log.DebugContext(r.Context(), "policy test: the reader is gone", "err", err)
		}
	}), nil
}

// ofPolicy are the reasons that the explanation of a judgement tells itself.
var ofPolicy = map[string]bool{
	index.ReasonUnsigned: true, index.ReasonSignatureUnknown: true, index.ReasonSignatureInvalid: true, index.ReasonNoTrust: true,
	index.ReasonAttestMissing: true, index.ReasonAttestUnverified: true, index.ReasonAttestInvalid: true, index.ReasonUnreadable: true,
}

// catalogSteps say what the catalog makes of a version besides the judgement.
func catalogSteps(p *catalog.Plugin, v *catalog.Version, listsDenied bool) []explain.Step {
	var steps []explain.Step
	say := func(o policy.Outcome, code, sentence string) {
		steps = append(steps, explain.Step{Stage: "catalog", Outcome: o, Code: code, Sentence: sentence, Decides: o != policy.Allow})
	}
	for _, r := range v.Pending {
		if !ofPolicy[r.Code] {
			say(policy.Deny, r.Code, r.Detail)
		}
	}
	if !p.Installable() {
		say(policy.Deny, p.Standing().Cell(table.Anonymous, table.Install).Code, "the plugin is "+string(p.State))
	}
	if v.IsYanked() {
		say(policy.Deny, index.ReasonYanked, "the version is yanked")
	}
	switch {
	case p.Installable() && v.Listed() && listsDenied:
		say(policy.Allow, "dev", "the server runs with --dev and lists it all the same")
	case p.Installable() && v.Listed():
		say(policy.Allow, "listed", "the catalog lists it")
	default:
		steps = append(steps, explain.Step{Stage: "catalog", Outcome: policy.Deny, Code: "not_listed", Sentence: "the catalog does not list it"})
	}
	return steps
}
