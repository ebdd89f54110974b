//go:build keyless

package keyless

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A client runs tools in a folder and home of its own.
type client struct {
	t   *testing.T
	dir string
	env []string
}

func newClient(t *testing.T) *client {
	t.Helper()
	return &client{t, t.TempDir(), environment(t)}
}

// try runs a tool with what it reads, and tells how it ended.
func (c *client) try(stdin, tool string, args ...string) (stdout, stderr string, code int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binaries[tool], args...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.dir, c.env, strings.NewReader(stdin)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		c.t.Fatalf("%s: %v", tool, err)
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode()
}

// run runs a tool that must exit 0, and gives what it printed.
func (c *client) run(tool string, args ...string) string {
	c.t.Helper()
	stdout, stderr, code := c.try("", tool, args...)
	if code != 0 {
		c.t.Fatalf("%s %s: exit %d\n%s%s", tool, strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

func (c *client) write(name, content string) string {
	c.t.Helper()
	written(c.t, c.dir, name, []byte(content))
	return filepath.Join(c.dir, name)
}
