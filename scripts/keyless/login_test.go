//go:build keyless

package keyless

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// landing is where the provider sends a browser to; nobody listens there.
const landing = "http://127.0.0.1:1/landing"

var formID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// token logs a person in at an issuer, in a browser, and gives the ID token.
func (a authority) token(t *testing.T, name string) string {
	t.Helper()
	var ends struct {
		Authorize string `json:"authorization_endpoint"`
		Token     string `json:"token_endpoint"`
	}
	raw, err := get(a.url + "/.well-known/openid-configuration")
	if err == nil {
		err = json.Unmarshal(raw, &ends)
	}
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var code string
	browser := &http.Client{Transport: web.Transport, Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), landing) {
			code = r.URL.Query().Get("code")
			return http.ErrUseLastResponse
		}
		return nil
	}}
	body := fetch(t, browser, ends.Authorize+"?"+url.Values{"client_id": {"oarlock"}, "response_type": {"code"}, "scope": {"openid email"},
		"redirect_uri": {landing}, "state": {"state"}, "nonce": {"nonce"}}.Encode(), nil)
	id := formID.FindSubmatch(body)
	if id == nil {
		t.Fatalf("no form to log in: %s", body)
	}
	fetch(t, browser, a.url+"/login/username", url.Values{"id": {string(id[1])}, "username": {name}, "password": {"password"}})
	if code == "" {
		t.Fatalf("%s did not log in at %s", name, a.url)
	}
	var answer struct {
		Token string `json:"id_token"`
	}
	body = fetch(t, browser, ends.Token, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {landing}})
	if err := json.Unmarshal(body, &answer); err != nil || answer.Token == "" {
		t.Fatalf("no ID token: %v: %s", err, body)
	}
	return answer.Token
}

// fetch gets a page, or posts a form to it as the client of the provider.
func fetch(t *testing.T, browser *http.Client, where string, form url.Values) []byte {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, where, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("oarlock", "secret")
	}
	resp, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 400 {
		t.Fatalf("%s %s: %s, %v: %s", method, where, resp.Status, err, body)
	}
	return body
}
