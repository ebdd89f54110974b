package table

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// Proves E12: what is no state, or could not be told, is refused to everybody.
func TestWhatIsNotKnownIsRefused_E12(t *testing.T) {
	t.Parallel()
	for _, s := range []State{{Plugin: "parked"}, {Version: "melted"}, {Unknown: true}, {Plugin: index.StateDeprecated, Version: "melted"}, {Version: index.VersionYanked, Unknown: true}} {
		for _, r := range AllRoles() {
			for _, o := range []Operation{Search, Resolve, Install, Update, PullTag, PullDigest, Operation(99)} {
				if c := s.Cell(r, o); c.Answer != No || c.Code == "" {
					t.Errorf("%+v, %s, %d: %+v", s, r, o, c)
				}
			}
		}
	}
	if c := (State{Unknown: true}).Cell(Anonymous, PullTag); c.Status != http.StatusServiceUnavailable {
		t.Errorf("what could not be told answers %d", c.Status)
	}
}

// Proves E1 and E12: of a plugin's state and a version's, the stricter answers,
// whichever it is, to every role and operation.
func TestTheStricterStateAnswers_E1_E12(t *testing.T) {
	t.Parallel()
	for _, p := range AllStates() {
		for _, v := range AllStates() {
			if p.Version != "" || v.Version == "" {
				continue
			}
			both := State{Plugin: p.Plugin, Stop: p.Stop, Version: v.Version}
			for _, r := range AllRoles() {
				for _, o := range AllOperations() {
					got, want := both.Cell(r, o).Answer, min(p.Cell(r, o).Answer, v.Cell(r, o).Answer)
					if got != want {
						t.Errorf("%s and %s, %s, %s: answer %d, expected %d", p.Name(), v.Name(), r, o, got, want)
					}
				}
			}
		}
	}
}

// Proves E12 and B11: laws that every row keeps. What is in no search is in no new
// install and no update; nobody sees less by having the plugin; who may pull by
// tag may by digest; who may pull sees the digest; what must stop is for nobody new.
func TestEveryRowKeepsTheLaws_E12_B11(t *testing.T) {
	t.Parallel()
	for _, s := range AllStates() {
		for _, r := range AllRoles() {
			if !s.May(r, Search) && (s.May(r, Install) || s.May(r, Update)) {
				t.Errorf("%s, %s: in no search and still installed", s.Name(), r)
			}
			if s.May(r, PullTag) && !s.May(r, PullDigest) {
				t.Errorf("%s, %s: by tag and not by digest", s.Name(), r)
			}
			if s.May(r, PullDigest) && s.Cell(r, Show).Fields != Whole {
				t.Errorf("%s, %s: may pull what it is not shown", s.Name(), r)
			}
			if s.May(Anonymous, PullDigest) && !s.May(r, PullDigest) || s.May(Tenant, PullDigest) && !s.May(Holder, PullDigest) {
				t.Errorf("%s, %s: less than others", s.Name(), r)
			}
			if s.Cell(r, Run).Standing == Stop && (s.May(r, Resolve) || s.May(r, Install)) {
				t.Errorf("%s, %s: resolves what must not run", s.Name(), r)
			}
			for _, o := range AllOperations() {
				c := s.Cell(r, o)
				if (c.Answer == Yes) != (c.Code == "") || (c.Status == http.StatusOK) != (c.Answer != No) && o != Search && o != Run {
					t.Errorf("%s, %s, %s: %+v", s.Name(), r, o, c)
				}
			}
		}
	}
}

// Proves E12: the page says what the table says.
func TestThePageHasTheTable_E12(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/lifecycle.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := Markdown(); !strings.Contains(string(page), want) {
		t.Errorf("docs/lifecycle.md has another table, expected:\n%s", want)
	}
}
