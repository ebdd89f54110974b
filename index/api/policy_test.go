package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/explained"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/explain"
)

// verdicts explains every version alike, and tries one change.
type verdicts struct {
	outcome  policy.Outcome
	failWith error
}

func (v *verdicts) Explain(_ context.Context, _ artifact.Name, _ *catalog.Version, reference string) (explain.Explanation, error) {
	return explain.Explanation{Outcome: v.outcome, Steps: []explain.Step{{Stage: "signature", Outcome: v.outcome, Code: "c", Sentence: "s"}}, Fixes: []string{"sign " + reference}}, nil
}

func (v *verdicts) InForce(context.Context) (explained.Policy, error) {
	return explained.Policy{Digest: "sha256:1", Namespaces: []explain.Rule{}}, nil
}

func (v *verdicts) Trial(_ context.Context, p index.PolicyFiles) (api.PolicyTry, error) {
	if p.Policy == "" {
		return nil, fmt.Errorf("trust policy: empty: %w", artifact.ErrInvalid)
	}
	return func(_ context.Context, hear func(index.PolicyChange) error, progress func(index.PolicyTrial) error) (index.PolicyTrial, error) {
		err := errors.Join(hear(index.PolicyChange{ID: "acme/hello", Change: "newly_pending"}), progress(index.PolicyTrial{Plugins: 1}), v.failWith)
		return index.PolicyTrial{Plugins: 2}, err
	}, nil
}

// desk is an API with policies whose permissions are written down as they are asked.
type policyDesk struct {
	*api.Server
	mu    sync.Mutex
	asked []string
	deny  bool
}

func newPolicyDesk(t *testing.T, v api.Policies, plugins ...catalog.Plugin) *policyDesk {
	t.Helper()
	s := newSite(t, plugins...)
	d := &policyDesk{}
	d.Server = api.New(api.Options{Live: s.live, Engine: s.engine, Ready: func() error { return nil }, Policies: v, MaxBody: 4096,
		Visibility: api.EverythingUnsafe, Identify: api.AnybodyUnsafe,
		Authorize: func(_ context.Context, a api.Action, plugin string) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.asked = append(d.asked, strings.TrimSpace(string(a)+" "+plugin))
			if d.deny {
				return index.NewProblem(index.CodeNotAuthorised, "no")
			}
			return nil
		}})
	return d
}

func (d *policyDesk) do(method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	d.ServeHTTP(w, r)
	return w
}

var policyCalls = []struct{ method, path, body, action string }{
	{"GET", "/api/v1/plugins/acme/hello/versions/1.0.0/policy", "", "repository:pull acme/hello"},
	{"GET", "/api/v1/admin/policy", "", "policy:read"},
	{"POST", "/api/v1/admin/policy/test", `{"policy":"namespaces: {}"}`, "policy:test"},
}

// Every endpoint asks the one function that decides (B4).
func TestPolicyEndpointsAskForPermission_B4(t *testing.T) {
	t.Parallel()
	for _, call := range policyCalls {
		t.Run(call.method+" "+call.path, func(t *testing.T) {
			t.Parallel()
			d := newPolicyDesk(t, &verdicts{}, plugin(t, "acme/hello", "1.0.0 >=1"))
			if w := d.do(call.method, call.path, call.body); w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			d.deny = true
			w := d.do(call.method, call.path, call.body)
			if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "acme/hello") {
				t.Errorf("denied: status %d: %s", w.Code, w.Body)
			}
			// Asked before a body is read, and again about what it says.
			if diff := cmp.Diff([]string{call.action}, slices.Compact(d.asked)); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			none := newPolicyDesk(t, nil, plugin(t, "acme/hello", "1.0.0 >=1"))
			if w := none.do(call.method, call.path, call.body); w.Code != http.StatusNotFound {
				t.Errorf("without policies: status %d", w.Code)
			}
		})
	}
}

func TestAnExplanationSaysWhatTheCatalogMakesOfIt_G1(t *testing.T) {
	t.Parallel()
	p := plugin(t, "acme/hello", "1.0.0 >=1", "1.1.0 >=1", "1.2.0 >=1")
	p.Versions[1].Pending = []index.Reason{{Code: "review", Detail: "nobody reviewed it"}, {Code: index.ReasonUnsigned, Detail: "told before"}}
	p.Versions[2].State = index.VersionYanked
	d := newPolicyDesk(t, &verdicts{outcome: policy.Allow}, p)
	for version, want := range map[string]string{"1.0.0": "true listed", "1.1.0": "false review not_listed", "1.2.0": "false yanked not_listed"} {
		w := d.do("GET", "/api/v1/plugins/acme/hello/versions/"+version+"/policy", "")
		var e explained.Explained
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
		got := fmt.Sprint(e.Listed)
		for _, s := range e.Steps {
			if s.Stage == "catalog" {
				got += " " + s.Code
			}
		}
		if got != want || e.Version != version || !strings.HasSuffix(e.Fixes[0], "/acme/hello@"+e.Digest.String()) {
			t.Errorf("%s: got %q, want %q: %s", version, got, want, w.Body)
		}
	}
	for path, code := range map[string]string{"nobody/none/versions/1.0.0": "plugin_not_found", "acme/hello/versions/9.0.0": index.CodeVersionNotFound, "acme/hello/versions/new": "invalid_parameter"} {
		if w := d.do("GET", "/api/v1/plugins/"+path+"/policy", ""); !strings.Contains(w.Body.String(), code) {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
}

func TestATrialStreamsAndSaysWhenItIsDone_G3(t *testing.T) {
	t.Parallel()
	v := &verdicts{}
	d := newPolicyDesk(t, v)
	w := d.do("POST", "/api/v1/admin/policy/test", `{"policy":"namespaces: {}"}`)
	lines := bytes.Split(bytes.TrimSpace(w.Body.Bytes()), []byte("\n"))
	if len(lines) != 3 || !bytes.Contains(lines[0], []byte(`{"change":{"id":"acme/hello"`)) || !bytes.Contains(lines[1], []byte(`{"progress":`)) || !bytes.Contains(lines[2], []byte(`"done":true`)) {
		t.Errorf("%s", w.Body)
	}
	if w := d.do("POST", "/api/v1/admin/policy/test", `{"policy":""}`); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "trust policy: empty") {
		t.Errorf("an invalid policy: %d %s", w.Code, w.Body)
	}
	v.failWith = errBroken
	w = d.do("POST", "/api/v1/admin/policy/test", `{"policy":"namespaces: {}"}`)
	if strings.Contains(w.Body.String(), `"done"`) || !strings.Contains(w.Body.String(), `"error"`) || strings.Contains(w.Body.String(), errBroken.Error()) {
		t.Errorf("a trial that broke: %s", w.Body)
	}
	big := `{"policy":"` + strings.Repeat("#", 1<<20) + `"}`
	v.failWith = nil
	if w := d.do("POST", "/api/v1/admin/policy/test", big); w.Code != http.StatusOK {
		t.Errorf("a policy of a megabyte: %d %.200s", w.Code, w.Body)
	}
}
