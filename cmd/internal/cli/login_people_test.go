package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// provider runs the real OpenID provider whose binary OARLOCK_TEST_OIDC names,
// in a process of its own, for one callback.
func provider(t *testing.T, callback string) (issuer string) {
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

// freePort is one that nobody listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serveWithProvider serves with a real provider until the test ends, with a
// store of logins of its own.
func serveWithProvider(t *testing.T) (ctx context.Context, host, issuer string) {
	t.Helper()
	dir, host := t.TempDir(), freePort(t)
	issuer = provider(t, "http://"+host+"/auth/callback")
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("OARLOCK_TOKEN", "")
	t.Setenv("OARLOCK_TEST_OIDC", "") // no key of the configuration
	secret, config := filepath.Join(dir, "secret"), filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf("oidc:\n  issuer: %s\n  client_id: oarlock\n  client_secret_file: %s\n  grants:\n    - {claim: groups, value: registry-reviewers, role: reviewer}\n", issuer, secret)
	for path, content := range map[string]string{secret: "secret\n", config: text} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	log, ended := newLogTail(), make(chan int, 1)
	go func() {
		ended <- Run(ctx, []string{"serve", "--config", config, "--data", filepath.Join(dir, "data"), "--listen", host}, Streams{strings.NewReader(""), io.Discard, log}, "v0")
	}()
	t.Cleanup(func() { cancel(); <-ended })
	if _, problem := log.wait(regexp.MustCompile(`msg="catalog serves"()`), ended); problem != "" {
		t.Fatal(problem)
	}
	return ctx, host, issuer
}

// whoami is what the command says after a login.
func whoami(t *testing.T, host string) string {
	t.Helper()
	var out strings.Builder
	if code := Run(t.Context(), []string{"whoami", "--server", "http://" + host}, Streams{strings.NewReader(""), &out, io.Discard}, "v0"); code != 0 {
		t.Errorf("whoami: exit %d", code)
	}
	return out.String()
}

// TestRealProviderLogin_B5 logs a person in with a browser: serve, login and
// whoami, as they are typed.
func TestRealProviderLogin_B5(t *testing.T) {
	ctx, host, issuer := serveWithProvider(t)
	said, done := newLogTail(), make(chan int, 1)
	go func() {
		done <- Run(ctx, []string{"login", host, "--browser"}, Streams{strings.NewReader(""), io.Discard, said}, "v0")
	}()
	where, problem := said.wait(regexp.MustCompile(`^  (http\S+)`), done)
	if problem != "" {
		t.Fatal(problem)
	}
	page := visit(t, where, issuer, "ada")
	if code := <-done; code != 0 || !strings.Contains(page, "Logged in") {
		t.Fatalf("exit %d, page %q: %s", code, page, said)
	}
	if who := whoami(t, host); !strings.HasPrefix(who, "person:ada: reviewer") {
		t.Error(who)
	}
}

// TestRealProviderDeviceLogin_B5 logs a person in from a machine without a
// browser: the code is typed on another one.
func TestRealProviderDeviceLogin_B5(t *testing.T) {
	ctx, host, issuer := serveWithProvider(t)
	said, done := newLogTail(), make(chan int, 1)
	go func() {
		done <- Run(ctx, []string{"login", host, "--device"}, Streams{strings.NewReader(""), io.Discard, said}, "v0")
	}()
	code, problem := said.wait(regexp.MustCompile(`type the code (\S+)`), done)
	if problem != "" {
		t.Fatal(problem)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	phone := &http.Client{Transport: web.Transport, Jar: jar}
	for _, step := range []struct {
		path string
		form url.Values
	}{
		{"/device/login", url.Values{"user_code": {code}, "username": {"bob"}, "password": {"password"}}},
		{"/device/confirm", url.Values{"action": {"allowed"}}},
	} {
		resp, err := phone.PostForm(issuer+step.path, step.form)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", step.path, resp.Status)
		}
	}
	if exit := <-done; exit != 0 {
		t.Fatalf("exit %d: %s", exit, said)
	}
	if who := whoami(t, host); !strings.HasPrefix(who, "person:bob") {
		t.Error(who)
	}
}

var formID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// visit opens a page that leads to the provider, fills in its form, and is led
// back.
func visit(t *testing.T, where, issuer, name string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Transport: web.Transport, Jar: jar}
	read := func(resp *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	id := formID.FindStringSubmatch(read(browser.Get(where)))
	if id == nil {
		t.Fatalf("no form at %s", where)
	}
	return read(browser.PostForm(issuer+"/login/username", url.Values{"id": {id[1]}, "username": {name}, "password": {"password"}}))
}
