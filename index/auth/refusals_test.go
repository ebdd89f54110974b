package auth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/policy"
)

func (s *site) rows(outcome string) []AuditRecord {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	var out []AuditRecord
	for _, rec := range s.store.log {
		if rec.Outcome == outcome {
			out = append(out, rec)
		}
	}
	return out
}

func TestRefusedActsAreAudited_K1(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, admin := s.admin()
	owner := s.claim(admin, "acme")
	robot := s.robot(owner, "acme", "repository:acme/*:pull")
	eve, stranger := s.person("eve")
	ctx := WithRequest(With(t.Context(), stranger), Request{ID: "req-1", Address: "198.51.100.7"})
	if err := s.Namespaces.RemoveMember(ctx, stranger, "acme", "admin:bootstrap"); err == nil {
		t.Fatal("a stranger removed a member")
	}
	s.try("Bearer "+robot.Reveal(), PluginPublish, "acme/hello")
	s.try("Bearer "+eve.Reveal(), RepositoryPull, "acme/hello")
	s.try("", RepositoryPush, "acme/hello")
	s.do("GET", "/auth/token", basic("x", "oar_wrong"), nil)
	s.do("GET", "/v2/", "Bearer "+robot.Reveal()[:20], nil)
	var got []string
	for _, rec := range s.rows("denied") {
		got = append(got, strings.Join([]string{rec.Actor, rec.Action, rec.Resource}, " "))
		if rec.Reason == "" || strings.Contains(fmt.Sprint(rec), robot.Reveal()) {
			t.Errorf("%+v", rec)
		}
	}
	want := []string{"person:eve members:manage namespace acme", "robot:acme/ci plugin:publish repository acme/hello", "anonymous login site"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rows:\n%s\nexpected:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if first := s.rows("denied")[0]; first.After != `{"from":"198.51.100.7"}` || first.Request != "req-1" {
		t.Errorf("%+v", first)
	}
}

// An access token that does not name the push is a push refused, too, unless
// its holder could have asked for a better one.
func TestAPushRefusedByItsAccessTokenIsAudited_K1(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, admin := s.admin()
	owner := s.claim(admin, "acme")
	for scope, want := range map[string]int{"pull": 1, "pull,push": 0} {
		p := s.principal(s.robot(owner, "acme", "repository:acme/*:"+scope))
		p.Access = &Access{Scopes: []Scope{mustScope(t, "repository:acme/hello:pull")}}
		before := len(s.rows("denied"))
		if err := s.auth.Check(With(t.Context(), p), RepositoryPush, InRepository("acme/hello")); err == nil {
			t.Fatal("allowed")
		}
		if got := len(s.rows("denied")) - before; got != want {
			t.Errorf("scope %s: %d rows, expected %d", scope, got, want)
		}
	}
}

// However many are refused, the log grows by a few rows in an interval, and
// counts all of them.
func TestAFloodOfRefusalsIsSummedUp_K1(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for n := range 5000 {
		p := Principal{Kind: Person, Name: fmt.Sprintf("person:p%d", n%50)}
		s.Log.refused(t.Context(), p, SiteManage, Site(), Decision{policy.Deny, "role", "no"})
	}
	if got := len(s.rows("denied")); got != maxRefusals {
		t.Errorf("%d rows at once", got)
	}
	s.clock.move(RefusalInterval)
	s.Log.SettleRefusals(t.Context(), false)
	rows := s.rows("denied")
	counted := maxRefusals
	for _, rec := range rows[maxRefusals:] {
		var n int
		if _, err := fmt.Sscanf(rec.Reason, "%d more like it since 12:00:00", &n); err != nil {
			t.Fatalf("%q: %v", rec.Reason, err)
		}
		counted += n
	}
	if len(rows) != 2*maxRefusals+1 || counted != 5000 {
		t.Errorf("%d rows that count %d", len(rows), counted)
	}
	s.Log.SettleRefusals(t.Context(), true)
	if got := len(s.rows("denied")); got != len(rows) {
		t.Errorf("settled twice: %d rows", got)
	}
}

func TestARefusalStandsWithoutItsRow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, stranger := s.person("eve")
	s.store.breakDown(errBroken)
	begin := time.Now()
	err := s.auth.Check(With(t.Context(), stranger), SiteManage, Site())
	if err == nil || strings.Contains(err.Error(), errBroken.Error()) || time.Since(begin) > writeWithin {
		t.Errorf("%v", err)
	}
}
