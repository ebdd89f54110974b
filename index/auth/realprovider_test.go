package auth

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

// startProvider runs the real OpenID provider of scripts/tools/oidc-provider,
// whose binary OARLOCK_TEST_OIDC names, in a process of its own.
func startProvider(t *testing.T, callback string) (issuer string) {
	t.Helper()
	binary := os.Getenv("OARLOCK_TEST_OIDC")
	if binary == "" {
		t.Skip("OARLOCK_TEST_OIDC is not set: run scripts/tools/oidc-provider/test")
	}
	cmd := exec.Command(binary, "--redirect", callback)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // the provider ends when its input does
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func withRealProvider(t *testing.T) (p *pages, issuer string) {
	t.Helper()
	p = newPages(t, func(callback string) ProviderOptions {
		issuer = startProvider(t, callback)
		return ProviderOptions{Issuer: issuer, ClientID: "oarlock", ClientSecret: "secret", Grants: []GrantRule{
			{"groups", "registry-reviewers", Grant{Role: RoleReviewer}},
		}}
	})
	return p, issuer
}

var formID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// logIn opens a page of ours that leads to the provider, and fills in its form.
func logIn(t *testing.T, browser *http.Client, issuer, where, name string) (*http.Response, string) {
	t.Helper()
	resp, body := fetch(t, browser, "GET", where, nil)
	id := formID.FindStringSubmatch(body)
	if id == nil || !strings.HasPrefix(resp.Request.URL.String(), issuer) {
		t.Fatalf("no form at %s: %s", resp.Request.URL, body)
	}
	return fetch(t, browser, "POST", issuer+"/login/username", url.Values{"id": {id[1]}, "username": {name}, "password": {"password"}})
}

// TestRealProviderPages_B5 logs in by authorization code with PKCE.
func TestRealProviderPages_B5(t *testing.T) {
	t.Parallel()
	p, issuer := withRealProvider(t)
	for name, grants := range map[string]string{"ada": "reviewer", "bob": ""} {
		resp, body := logIn(t, newBrowser(t), issuer, p.web.URL+"/auth/login?return_to=/me", name)
		if resp.StatusCode != 200 || body != "person:"+name || resp.Request.URL.Path != "/me" {
			t.Fatalf("%s: %s %q at %s", name, resp.Status, body, resp.Request.URL)
		}
		account, err := p.store.Person(t.Context(), "person:"+name)
		if err != nil || strings.Join(account.Grants, " ") != grants || account.Subject != name || account.Issuer != issuer {
			t.Errorf("%+v %v", account, err)
		}
		if verified := account.Email != ""; verified != (name == "ada") {
			t.Errorf("%s: e-mail %q", name, account.Email)
		}
	}
}

// TestRealProviderCLI_B5 logs a client on loopback in.
func TestRealProviderCLI_B5(t *testing.T) {
	t.Parallel()
	p, issuer := withRealProvider(t)
	got := make(chan url.Values, 1)
	client := newLoopback(t, got)
	verifier := oauth2.GenerateVerifier()
	q := url.Values{
		"redirect_uri": {client + "/done"}, "state": {"s1"}, "label": {"cli"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	logIn(t, newBrowser(t), issuer, p.web.URL+"/auth/cli?"+q.Encode(), "ada")
	form := url.Values{"code": {(<-got).Get("code")}, "code_verifier": {verifier}}
	resp, body := fetch(t, web, "POST", p.web.URL+"/auth/cli/token", form)
	p.holds(t, resp, body, "person:ada")
}

// TestRealProviderDevice_B5 logs in on another device: not yet, then yes.
func TestRealProviderDevice_B5(t *testing.T) {
	t.Parallel()
	p, issuer := withRealProvider(t)
	resp, body := fetch(t, web, "POST", p.web.URL+"/auth/device", url.Values{"label": {"headless"}})
	var began DeviceAnswer
	if err := json.Unmarshal([]byte(body), &began); err != nil || began.UserCode == "" || !strings.HasPrefix(began.VerificationURI, issuer) || began.ExpiresIn < 60 {
		t.Fatalf("%s %s", resp.Status, body)
	}
	poll := func() (*http.Response, string) {
		return fetch(t, web, "POST", p.web.URL+"/auth/device/token", url.Values{"handle": {began.Handle}})
	}
	if resp, body := poll(); resp.StatusCode != 400 || !strings.Contains(body, "authorization_pending") {
		t.Fatalf("before: %s %s", resp.Status, body)
	}
	phone := newBrowser(t)
	fetch(t, phone, "GET", began.VerificationURIComplete, nil)
	fetch(t, phone, "POST", issuer+"/device/login", url.Values{"user_code": {began.UserCode}, "username": {"bob"}, "password": {"password"}})
	if resp, body := fetch(t, phone, "POST", issuer+"/device/confirm", url.Values{"action": {"allowed"}}); resp.StatusCode != 200 {
		t.Fatalf("confirm: %s %s", resp.Status, body)
	}
	resp, body = poll()
	p.holds(t, resp, body, "person:bob")
	if resp, _ := fetch(t, web, "POST", p.web.URL+"/auth/device/token", url.Values{"handle": {"x" + began.Handle}}); resp.StatusCode != 403 {
		t.Errorf("a handle that is not ours: %s", resp.Status)
	}
}

// holds reads the answer to a login of the CLI and tries its token.
func (p *pages) holds(t *testing.T, resp *http.Response, body, principal string) {
	t.Helper()
	var answer TokenAnswer
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Principal != principal {
		t.Fatalf("%s %s", resp.Status, body)
	}
	if _, who := fetch(t, web, "GET", p.web.URL+"/", nil, "Authorization", "Bearer "+answer.Token); who != principal {
		t.Errorf("the token is of %q", who)
	}
}
