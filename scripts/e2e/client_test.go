//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A result is what one run of a client left behind.
type result struct {
	command        string
	stdout, stderr string
	code           int
}

// A client runs stock tools in a folder and home of its own.
type client struct {
	t   *testing.T
	dir string
	env []string
}

func newClient(t *testing.T) *client {
	t.Helper()
	return &client{t: t, dir: t.TempDir(), env: environment(t)}
}

// environment is the least that the tools need, with a home without
// credentials, so that a run sees nothing of the person who started it.
func environment(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	return []string{"HOME=" + home, "DOCKER_CONFIG=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "COSIGN_PASSWORD=", "OARLOCK_LIMITS_UNREADY=0s"}
}

// with returns a client in the same folder that also sets an environment variable.
func (c *client) with(env string) *client {
	return &client{t: c.t, dir: c.dir, env: append(append([]string{}, c.env...), env)}
}

// try runs a tool and returns how it ended, well or not.
func (c *client) try(tool string, args ...string) result {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binaries[tool], args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatalf("%s: %v", tool, err)
	}
	return result{
		command: tool + " " + strings.Join(args, " "),
		stdout:  stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode(),
	}
}

// run runs a tool that must exit 0 and returns its stdout.
func (c *client) run(tool string, args ...string) string {
	c.t.Helper()
	r := c.try(tool, args...)
	if r.code != 0 {
		c.t.Fatalf("%s: exit %d\n%s%s", r.command, r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// refused runs a tool that must fail and say each of the words.
func (c *client) refused(words []string, tool string, args ...string) {
	c.t.Helper()
	r := c.try(tool, args...)
	if r.code == 0 {
		c.t.Fatalf("%s: exit 0, should be refused\n%s%s", r.command, r.stdout, r.stderr)
	}
	for _, word := range words {
		if !strings.Contains(r.stdout+r.stderr, word) {
			c.t.Errorf("%s: the refusal does not say %q:\n%s%s", r.command, word, r.stdout, r.stderr)
		}
	}
}

// write puts a file into the client's folder.
func (c *client) write(name, content string) {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// read returns a file of the client's folder.
func (c *client) read(name string) string {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(content)
}
