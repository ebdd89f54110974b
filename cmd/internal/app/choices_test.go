package app

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// inverse is the move that takes each one back.
var inverse = map[string]string{
	"deprecate": "undeprecate", "suspend": "resume", "remove": "restore", "yank": "unyank",
	"undeprecate": "deprecate", "resume": "suspend", "restore": "remove", "unyank": "yank",
}

// TestEveryChoiceIsTrue_E6: whoever sees a plugin is told every move, from where, by
// whom, whether it is legal and whether he may make it; and each move does what was
// said of it, in every state and for everybody.
func TestEveryChoiceIsTrue_E6(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	who := map[string]string{"nobody": "", "owner": accountOf(t, s, admin, "eve"), "publisher": accountOf(t, s, admin, "pat"), "admin": admin}
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:eve", map[string]any{"role": "owner"}, http.StatusNoContent)
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:pat", map[string]any{"role": "publisher"}, http.StatusNoContent)
	pushAs(t, s, admin, 1)
	listed := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK).Items
	if len(listed) != 1 {
		t.Fatalf("listed: %+v", listed)
	}
	plugin := "/api/v1/plugins/" + listed[0].ID
	try := func(token, move string) (int, string) {
		body, path := map[string]any{"reason": "broken"}, plugin+"/versions/"+listed[0].Version+"/"+move
		if !strings.Contains(move, "yank") {
			body["move"], path = move, plugin+"/lifecycle"
		}
		return sent(t, s, token, "POST", path, body)
	}
	at := func(token string) map[string]index.Choice {
		all := map[string]index.Choice{}
		for _, c := range ask[index.Lifecycle](t, s, token, "GET", plugin+"/lifecycle", nil, http.StatusOK).Choices {
			all[c.Move] = c
		}
		return all
	}
	for _, into := range []string{"", "yank", "deprecate", "suspend", "remove"} {
		if into != "" {
			if code, text := try(who["owner"], into); code != http.StatusOK {
				t.Fatalf("%s: %d %s", into, code, text)
			}
		}
		for role, token := range who { // a reason that is none has nothing deleted
			c := at(token)["delete"]
			code, text := sent(t, s, token, "DELETE", plugin+"?reason=unheard", nil)
			if c.May != (code == http.StatusBadRequest) { // the admin owns the namespace here
				t.Errorf("after %q, delete by %s, told as %+v: %d %s", into, role, c, code, text)
			}
		}
		for move, back := range inverse {
			for role, token := range who {
				c, is := at(token)[move]
				if !is {
					t.Fatalf("%s is not told to %s", move, role)
				}
				if own := role != "nobody" && slices.Contains(c.By, role); c.May != (c.Legal && own) || len(c.From) == 0 {
					t.Errorf("after %q, %s to %s: %+v", into, move, role, c)
				}
				code, text := try(token, move)
				if c.May != (code == http.StatusOK) || !c.May && code != http.StatusConflict && code != http.StatusForbidden && code != http.StatusUnauthorized {
					t.Errorf("after %q, %s by %s, told as %+v: %d %s", into, move, role, c, code, text)
				}
				if code != http.StatusOK {
					continue
				}
				if code, text := try(token, back); code != http.StatusOK {
					t.Fatalf("after %q, %s taken back by %s: %d %s", into, move, role, code, text)
				}
			}
		}
	}
	p := ask[index.Problem](t, s, who["owner"], "POST", plugin+"/lifecycle", map[string]any{"move": "resume"}, http.StatusConflict)
	if !strings.Contains(p.Detail, "legal now: restore by admin") || len(p.Legal) != 0 {
		t.Errorf("an owner who resumes what an admin removed is told %q", p.Detail)
	}
	if len(p.Choices) != 2 || p.Choices[1].Move != "unyank" || p.Choices[0].Move != "restore" || slices.Contains(p.Choices[0].By, "owner") {
		t.Errorf("of a plugin that an admin removed, an owner is told %+v", p)
	}
	if _, page := sent(t, s, who["admin"], "GET", "/"+strings.TrimPrefix(plugin, "/api/v1/"), nil); !strings.Contains(page, "Bring it back") {
		t.Errorf("the page does not say what can be done: %s", page)
	}
}

// TestOfWhatMustNotRunEveryChoiceIsTrue_E6: while an emergency is in force, nobody is
// told that he may move or delete the plugin where it is refused.
func TestOfWhatMustNotRunEveryChoiceIsTrue_E6(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	who := map[string]string{"owner": accountOf(t, s, admin, "eve"), "admin": admin, "nobody": ""}
	ask[any](t, s, who["owner"], "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	pushAs(t, s, who["owner"], 1)
	row := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK).Items[0]
	(&cellWorld{Server: s, t: t}).declare(row.ID, true, row.Digest)
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	for role, token := range who {
		l := ask[index.Lifecycle](t, s, token, "GET", "/api/v1/plugins/"+row.ID+"/lifecycle", nil, http.StatusOK)
		if l.State != index.StateEmergencyRemoved || len(l.Choices) != len(inverse)+1 {
			t.Errorf("%s is told %+v", role, l)
		}
		for _, c := range l.Choices {
			method, path, body := "POST", "/api/v1/plugins/"+row.ID+"/lifecycle", map[string]any{"move": c.Move, "reason": "unheard"}
			switch {
			case c.Move == index.MoveDelete:
				method, path = "DELETE", "/api/v1/plugins/"+row.ID+"?reason=unheard"
			case strings.Contains(c.Move, "yank"):
				path = "/api/v1/plugins/" + row.ID + "/versions/" + row.Version + "/" + c.Move
			}
			code, text := sent(t, s, token, method, path, body)
			if allowed := code == http.StatusOK || code == http.StatusBadRequest; c.May && !allowed || !c.May && code == http.StatusOK {
				t.Errorf("%s by %s, told as %+v: %d %s", c.Move, role, c, code, text)
			}
		}
	}
}
