//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// checksLogin are the clients that ask the server when they log in; crane and
// cosign only write the store, so that the next call is refused.
var checksLogin = map[string]bool{"oras": true, "oarlock": true, "regctl": true}

// reads is a read of a private repository by each client.
func reads(tool, ref string) []string {
	switch tool {
	case "oras":
		return []string{"manifest", "fetch", "--plain-http", ref}
	case "crane":
		return []string{"manifest", "--insecure", ref}
	case "regctl":
		return []string{"manifest", "get", ref}
	case "cosign2":
		return []string{"triangulate", "--allow-http-registry", ref}
	}
	return []string{"pull", ref, "-d", "pulled", "--insecure-skip-signatures"} // it is the login that counts here
}

func TestEveryClientLogsIn_B5(t *testing.T) {
	t.Parallel()
	owner := newClient(t)
	owner.write("config.yaml", "rate: {logins: 0}\n") // else so many failures at once are told to wait
	s := serve(t, "--config", filepath.Join(owner.dir, "config.yaml"))
	s.claims(t, owner, "acme")
	owner.write("hello.txt", "hello\n")
	ref := s.ref("acme/hello:1.0.0")
	owner.run("oras", push(ref, says("acme/hello", "1.0.0"))...)
	s.call(t, "PATCH", "/api/v1/namespaces/acme", map[string]any{"private": true}, nil)
	ended := s.robot(t, "ended", time.Second, "repository:acme/*:pull")
	revoked := s.robot(t, "revoked", time.Hour, "repository:acme/*:pull")
	s.call(t, "DELETE", "/api/v1/tokens/"+revoked.ID, nil, nil)
	until(t, "a token expires", func() error {
		if r := newClient(t).tryLogin(s, "oras", ended.Secret); r.code == 0 {
			return fmt.Errorf("it still logs in")
		}
		return nil
	})
	good := s.robot(t, "reader", time.Hour, "repository:acme/*:pull")
	for tool := range logins {
		for name, row := range map[string]struct {
			password string
			in       bool
		}{
			"with a robot token":       {good.Secret, true},
			"with a wrong password":    {"wrong", false},
			"with an expired token":    {ended.Secret, false},
			"with a revoked token":     {revoked.Secret, false},
			"with half of a token":     {good.Secret[:len(good.Secret)/2], false},
			"with a token of nobody's": {strings.Replace(good.Secret, "oar_", "oar_x", 1), false},
		} {
			t.Run(tool+" "+name, func(t *testing.T) {
				c := newClient(t)
				if tool == "regctl" {
					c.run("regctl", "registry", "set", s.addr, "--tls", "disabled", "--skip-check")
				}
				r := c.tryLogin(s, tool, row.password)
				if in := r.code == 0; checksLogin[tool] && in != row.in {
					t.Fatalf("exit %d\n%s", r.code, r.stdout)
				}
				if got := c.try(tool, reads(tool, ref)...); (got.code == 0) != row.in {
					t.Errorf("%s: exit %d\n%s%s", got.command, got.code, got.stdout, got.stderr)
				}
			})
		}
	}
}

// Who may not: each with the status, and the words that help.
func TestEveryRefusalIsToldToStockClients_B4_B5_B6(t *testing.T) {
	t.Parallel()
	s, owner := serve(t), newClient(t)
	s.claims(t, owner, "acme", "others")
	owner.write("hello.txt", "hello\n")
	owner.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
	owner.run("oras", push(s.ref("others/hello:1.0.0"), says("others/hello", "1.0.0"))...)
	as := func(t *testing.T, password string) *client {
		c := newClient(t)
		c.write("hello.txt", "hello\n")
		if password != "" {
			c.login(s, "oras", password)
		}
		return c
	}
	writer := s.robot(t, "writer", time.Hour, "repository:acme/*:pull,push,publish").Secret
	pusher := s.robot(t, "pusher", time.Hour, "repository:acme/*:pull,push").Secret
	reader := s.robot(t, "reader", time.Hour, "repository:acme/*:pull").Secret
	for name, row := range map[string]struct {
		who   string
		words []string
		args  []string
	}{
		"nobody pushes":                          {"", []string{"401"}, push(s.ref("acme/hello:2.0.0"), says("acme/hello", "2.0.0"))},
		"a robot pushes to another namespace":    {writer, []string{"others/hello", "scope"}, push(s.ref("others/hello:2.0.0"), says("others/hello", "2.0.0"))},
		"a robot pushes to no namespace":         {writer, []string{"publisher claim nobodys"}, push(s.ref("nobodys/hello:2.0.0"), says("nobodys/hello", "2.0.0"))},
		"the admin pushes to no namespace":       {s.admin(t), []string{"publisher claim nobodys"}, push(s.ref("nobodys/hello:2.0.0"), says("nobodys/hello", "2.0.0"))},
		"a reader pushes":                        {reader, []string{"repository:push"}, push(s.ref("acme/hello:2.0.0"), says("acme/hello", "2.0.0"))},
		"a robot without publish sets a version": {pusher, []string{"plugin:publish"}, push(s.ref("acme/hello:2.0.0"), says("acme/hello", "2.0.0"))},
		"anybody pushes to the reserved one":     {s.admin(t), []string{"oarlock/hello"}, push(s.ref("oarlock/hello:2.0.0"), says("oarlock/hello", "2.0.0"))},
	} {
		t.Run(name, func(t *testing.T) { as(t, row.who).refused(row.words, "oras", row.args...) })
	}
	t.Run("the challenge names the token server", func(t *testing.T) {
		resp, err := web.Post("http://"+s.ref("v2/acme/hello/blobs/uploads/"), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		want := fmt.Sprintf(`Bearer realm="http://%s/auth/token",service="%s",scope="repository:acme/hello:pull,push"`, s.addr, s.addr)
		if got := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != 401 || got != want {
			t.Errorf("%s %q, want %q", resp.Status, got, want)
		}
	})
	t.Run("what is public needs no login", func(t *testing.T) {
		newClient(t).run("oras", "pull", "--plain-http", s.ref("acme/hello:1.0.0"), "-o", "out")
		newClient(t).run("crane", "manifest", "--insecure", s.ref("acme/hello:1.0.0"))
	})
	t.Run("publishing is switched off", func(t *testing.T) {
		s.call(t, "PATCH", "/api/v1/namespaces/acme", map[string]any{"publishing": "off"}, nil)
		as(t, writer).refused([]string{"publishing is switched off"}, "oras", push(s.ref("acme/hello:2.0.0"), says("acme/hello", "2.0.0"))...)
		s.call(t, "PATCH", "/api/v1/namespaces/acme", map[string]any{"publishing": "on"}, nil)
		as(t, writer).run("oras", push(s.ref("acme/hello:2.0.0"), says("acme/hello", "2.0.0"))...)
	})
	t.Run("what is private is not there", func(t *testing.T) {
		s.call(t, "PATCH", "/api/v1/namespaces/others", map[string]any{"private": true}, nil)
		newClient(t).refused([]string{"unauthorized"}, "oras", "pull", "--plain-http", s.ref("others/hello:1.0.0"))
		for _, repo := range []string{"others/hello", "nobodys/hello"} {
			as(t, writer).refused([]string{"not found"}, "oras", "pull", "--plain-http", s.ref(repo+":1.0.0"))
		}
		owner.run("oras", "pull", "--plain-http", s.ref("others/hello:1.0.0"), "-o", "out")
	})
}
