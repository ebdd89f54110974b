//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

var bootstrap = regexp.MustCompile(`bootstrap admin token, shown this once: (\S+)`)

// admin is the token that the first start printed.
func (s *server) admin(t *testing.T) string {
	t.Helper()
	found := bootstrap.FindStringSubmatch(s.log.String())
	if found == nil {
		t.Fatalf("the first start printed no token:\n%s", s.log)
	}
	return found[1]
}

// claims makes the admin the owner of a namespace, and logs the client's home
// in as the admin.
func (s *server) claims(t *testing.T, c *client, namespaces ...string) {
	t.Helper()
	for _, name := range namespaces {
		s.call(t, "POST", "/api/v1/namespaces", map[string]any{"name": name}, nil)
	}
	c.login(s, "oras", s.admin(t))
}

// call asks the API as the admin.
func (s *server) call(t *testing.T, method, path string, body, into any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(method, "http://"+s.addr+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.admin(t))
	r.Header.Set("Content-Type", "application/json")
	resp, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %v: %s", method, path, resp.Status, err, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
}

// A token is a robot of the namespace acme.
type token struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

func (s *server) robot(t *testing.T, label string, life time.Duration, scopes ...string) token {
	t.Helper()
	var made token
	s.call(t, "POST", "/api/v1/tokens", map[string]any{
		"label": label, "namespace": "acme", "scopes": scopes, "expires_at": time.Now().Add(life),
	}, &made)
	return made
}

// logins are how each stock client logs in, with the password on stdin.
var logins = map[string][]string{
	"oras":    {"login", "--plain-http", "-u", "ci", "--password-stdin"},
	"crane":   {"auth", "login", "-u", "ci", "--password-stdin"},
	"cosign2": {"login", "-u", "ci", "--password-stdin"},
	"regctl":  {"registry", "login", "-u", "ci", "--pass-stdin"},
	"oarlock": {"login", "-u", "ci", "--password-stdin"},
}

func (c *client) tryLogin(s *server, tool, password string) result {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binaries[tool], append(append([]string{}, logins[tool]...), s.addr)...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.dir, c.env, strings.NewReader(password)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		c.t.Fatalf("%s login: %v", tool, err)
	}
	return result{command: fmt.Sprintf("%s login", tool), stdout: string(out), code: cmd.ProcessState.ExitCode()}
}

func (c *client) login(s *server, tool, password string) {
	c.t.Helper()
	if r := c.tryLogin(s, tool, password); r.code != 0 {
		c.t.Fatalf("%s: exit %d\n%s", r.command, r.code, r.stdout)
	}
}
