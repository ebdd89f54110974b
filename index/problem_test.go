package index_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

func TestKindsSurviveTheWire(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{artifact.ErrInvalid, artifact.ErrNotFound, artifact.ErrConflict, artifact.ErrDenied, artifact.ErrUnverified} {
		raw, err := json.Marshal(index.ProblemOf(fmt.Errorf("acme/tool: %w", kind)))
		if err != nil {
			t.Fatal(err)
		}
		var back index.Problem
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(&back, kind) || back.Status < 400 || back.Status > 499 || back.Title == "" {
			t.Errorf("%v came back as %s", kind, raw)
		}
	}
}

func TestWhatCouldNotBeToldStaysSo(t *testing.T) {
	t.Parallel()
	p := index.ProblemOf(errors.New("disk /dev/sda1 is on fire"))
	if p.Code != index.CodeInternal || p.Status != 500 || p.Detail != "internal error" || p.Unwrap() != nil {
		t.Errorf("got %+v", p)
	}
	known := index.NewProblem(index.CodeGenerationGone, "generation 7 is gone", "ask without generation")
	if got := index.ProblemOf(fmt.Errorf("wrapped: %w", known)); got != known {
		t.Errorf("got %+v", got)
	}
	if got := index.NewProblem("no such code", ""); got.Code != index.CodeInternal {
		t.Errorf("got %+v", got)
	}
}

func TestAnUnknownCodeIsPlacedByItsStatus(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]error{400: artifact.ErrInvalid, 404: artifact.ErrNotFound, 410: artifact.ErrNotFound,
		409: artifact.ErrConflict, 401: artifact.ErrDenied, 403: artifact.ErrDenied, 422: artifact.ErrUnverified, 500: nil, 503: nil} {
		if got := (&index.Problem{Code: "to come", Status: status}).Unwrap(); got != kind {
			t.Errorf("status %d: got %v, expected %v", status, got, kind)
		}
	}
}

func TestQueriesAreWrittenInTheContractsWords(t *testing.T) {
	t.Parallel()
	q := index.Query{Host: "acme-editor", HostVersion: "2.1", Platform: "linux/amd64", Channel: "beta", Prerelease: true, Text: "a b", Category: "c",
		Publisher: "acme", License: "MIT", Niche: "n", Tier: "free", State: "active", Verified: "true", Source: "s", Sort: "name",
		Limit: 5, Cursor: "x", Facets: []string{"category", "tier"}, Generation: 7}
	want := "category=c&channel=beta&cursor=x&facets=category%2Ctier&generation=7&host=acme-editor&host_version=2.1&license=MIT&limit=5&niche=n" +
		"&platform=linux%2Famd64&prerelease=true&publisher=acme&q=a+b&sort=name&source=s&state=active&tier=free&verified=true"
	if diff := cmp.Diff(want, q.Values().Encode()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (index.Query{}).Values().Encode(); got != "" {
		t.Errorf("an empty query is %q", got)
	}
	want = "channel=beta&generation=7&host=acme-editor&host_version=2.1&platform=linux%2Famd64&prerelease=true"
	if diff := cmp.Diff(want, q.HostFilters().Values().Encode()); diff != "" {
		t.Errorf("host filters (-want +got):\n%s", diff)
	}
}

// An answer does not grow with what was sent: that is a way to fill a server.
func TestAProblemIsBounded(t *testing.T) {
	t.Parallel()
	p := index.ProblemOf(fmt.Errorf("%s: %w", strings.Repeat("é", 1<<20), artifact.ErrInvalid))
	if p.Code != index.CodeInvalid || len(p.Detail) > 65<<10 || !utf8.ValidString(p.Detail) {
		t.Errorf("code %s, %d bytes", p.Code, len(p.Detail))
	}
}
