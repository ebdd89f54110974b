package app

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
)

var inviteText = regexp.MustCompile(`<code>(oar_\w+)</code>`)

// Proves B4 and L5: an owner invites a member by a form, who accepts by another; roles
// are set and taken, and what somebody may not do is refused by the API.
func TestConsoleMembers_B4_L5(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	tabs := map[string]tab{}
	for _, name := range []string{"ada", "ben"} {
		ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": name}, http.StatusCreated)
		tabs[name] = signedInTab(t, s, personalToken(t, s, admin, "person:"+name))
	}
	ada, ben := tabs["ada"], tabs["ben"]
	resp, body := ada.post(t, "/console/namespaces", url.Values{"name": {"acme"}, "private": {"1"}})
	shows(t, resp, body, 200, "The namespace is yours.", "<bdi>acme</bdi>", "person:ada", "Nothing was pushed yet.")
	resp, body = ben.get(t, "/console/namespaces/acme")
	shows(t, resp, body, 404, `role="alert"`)
	resp, body = ada.post(t, "/console/namespaces/acme/invite", url.Values{"role": {"publisher"}})
	shows(t, resp, body, 200, "The invitation is ready.")
	secret := inviteText.FindStringSubmatch(body)
	if secret == nil || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("no invitation is shown, or it may be kept: %v\n%s", resp.Header, body)
	}
	resp, body = ben.post(t, "/console/invitations", url.Values{"secret": {"nonsense"}})
	if resp.StatusCode < 400 || !strings.Contains(body, `role="alert"`) {
		t.Errorf("a wrong invitation: %s", resp.Status)
	}
	resp, body = ben.post(t, "/console/invitations", url.Values{"secret": {secret[1]}})
	shows(t, resp, body, 200, "You are a member now.", `href="/console/namespaces/acme"`)
	resp, body = ben.get(t, "/console/namespaces/acme")
	shows(t, resp, body, 200, "person:ben")
	resp, body = ben.post(t, "/console/namespaces/acme/members", url.Values{"principal": {"person:ben"}, "role": {"owner"}})
	shows(t, resp, body, 403, `role="alert"`)
	for _, role := range []string{"owner", "nonsense"} {
		resp, body = ada.post(t, "/console/namespaces/acme/members", url.Values{"principal": {"person:ben"}, "role": {role}})
		if want := map[string]int{"owner": 200, "nonsense": 422}[role]; resp.StatusCode != want && (role == "owner" || resp.StatusCode/100 != 4) {
			t.Errorf("role %s: %s\n%s", role, resp.Status, body)
		}
	}
	resp, body = ada.post(t, "/console/namespaces/acme/remove", url.Values{"principal": {"person:ada"}})
	if resp.StatusCode != http.StatusNotFound { // the namespace is private, and she is out of it
		t.Errorf("after leaving, the page is %s: %.300s", resp.Status, body)
	}
	resp, body = ben.get(t, "/console/audit")
	shows(t, resp, body, 200, "members:manage", "namespace acme")
}

// Proves E2, E12 and L5: a publisher sees what a version waits for and how to fix it,
// promotes a channel, and is told what follows from a move before it is made.
func TestConsoleLooksAfterAPlugin_E2_L5(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Anonymous = "pull" })
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	p := plugin(t, 1).Plugin
	pushAs(t, s, admin, 1)
	b := signedInTab(t, s, admin)
	at := "/console/plugins/" + p.ID.String()
	resp, body := b.get(t, "/console/namespaces/acme")
	shows(t, resp, body, 200, `href="`+at+`"`, `<span class="badge pending">1</span>`)
	resp, body = b.get(t, at)
	shows(t, resp, body, 200, p.Version.String(), "waiting", "oarlock sign "+s.Addr()+"/"+p.ID.String()+"@sha256:", "No version is listed")
	resp, body = b.post(t, at+"/promote", url.Values{"version": {p.Version.String()}, "channel": {"stable"}})
	shows(t, resp, body, 409, `role="alert"`, "is not listed")
	resp, body = b.get(t, at+"/move?move=deprecate")
	shows(t, resp, body, 200, "What follows", "Nothing stops working.", `name="end_of_life"`)
	resp, body = b.post(t, at+"/move", url.Values{"move": {"deprecate"}, "reason": {"discontinued"}, "end_of_life": {"soon"}, "text": {"It ends."}})
	shows(t, resp, body, 400, `role="alert"`, "It ends.")
	resp, body = b.post(t, at+"/move", url.Values{"move": {"deprecate"}, "reason": {"discontinued"}, "text": {"It ends."}})
	shows(t, resp, body, 200, "deprecated", "It ends.")
	if got := ask[map[string]any](t, s, admin, "GET", "/api/v1/plugins/"+p.ID.String()+"/lifecycle", nil, 200)["state"]; got != "deprecated" {
		t.Errorf("the plugin is %v", got)
	}
	resp, body = b.post(t, at+"/move", url.Values{"move": {"deprecate"}, "reason": {"discontinued"}})
	shows(t, resp, body, 409, `role="alert"`)
	for _, bad := range []string{"?move=nonsense", "?move=yank", "?move=deprecate&version=1.0.0"} {
		if resp, _ := b.get(t, at+"/move"+bad); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", bad, resp.Status)
		}
	}
}

// Proves L5 for who runs the site: health, accounts, namespaces and the log are pages,
// which the API refuses to others as a whole.
func TestConsoleOfTheSite_L5(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	b := signedInTab(t, s, admin)
	resp, body := b.get(t, "/console/site")
	shows(t, resp, body, 200, "The site serves.", "Nothing is kept from being pulled.", "No damage is known.", `class="bar"`)
	resp, body = b.post(t, "/console/site/garbage", url.Values{})
	shows(t, resp, body, 200, "Nothing was changed.")
	resp, body = b.post(t, "/console/site/people", url.Values{"name": {"Ada Lovelace"}})
	shows(t, resp, body, 400, `role="alert"`, `value="Ada Lovelace"`)
	resp, body = b.post(t, "/console/site/people", url.Values{"name": {"ada"}})
	shows(t, resp, body, 200, "The account was made.", "person:ada")
	resp, body = b.post(t, "/console/site/people/token", url.Values{"principal": {"person:ada"}})
	shows(t, resp, body, 200, "A token for person:ada")
	ada := signedInTab(t, s, inviteText.FindStringSubmatch(body)[1])
	for _, path := range []string{"/console/site", "/console/site/people"} {
		if resp, body := ada.get(t, path); resp.StatusCode != http.StatusForbidden || strings.Contains(body, "admin:bootstrap") {
			t.Errorf("%s for a person without a role: %s", path, resp.Status)
		}
	}
	if _, body := ada.get(t, "/console"); strings.Contains(body, "/console/site") {
		t.Error("the pages of the site are in the navigation of who may not see them")
	}
	resp, body = b.post(t, "/console/site/people/disable", url.Values{"principal": {"person:ada"}, "disabled": {"true"}})
	shows(t, resp, body, 200, "The account was changed.", "disabled")
	if resp, _ := ada.get(t, "/console"); resp.Request.URL.Path != "/login" {
		t.Errorf("a disabled account is at %s", resp.Request.URL)
	}
	resp, body = b.get(t, "/console/site/namespaces")
	shows(t, resp, body, 200, "No namespace was claimed yet.")
	resp, body = b.get(t, "/console/audit?action=account:create")
	if resp.StatusCode != 200 {
		t.Errorf("audit: %s %.300s", resp.Status, body)
	}
}
