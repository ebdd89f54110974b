//go:build e2e

package e2e

import "testing"

func TestRepushOfAVersionIsRefusedToStockClients_B2(t *testing.T) {
	t.Parallel()
	s, c := serve(t, "--dev"), newClient(t)
	c.write("hello.txt", "first\n")
	again := push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))
	c.run("oras", again...)
	first := c.resolve(s, "acme/hello:1.0.0")

	c.run("oras", again...)
	c.write("hello.txt", "second\n")
	c.refused([]string{"1.0.0", first, "immutable"}, "oras", again...)
	c.run("oras", push(s.ref("acme/hello:1.0.1"), says("acme/hello", "1.0.1"))...)
	second := c.resolve(s, "acme/hello:1.0.1")
	c.refused([]string{"1.0.0", first, second}, "crane", "tag", "--insecure", s.ref("acme/hello:1.0.1"), "1.0.0")
	if got := c.resolve(s, "acme/hello:1.0.0"); got != first {
		t.Errorf("the tag points at %s after refused pushes, want %s", got, first)
	}
}

func TestTagGrammarIsToldToStockClients_B3(t *testing.T) {
	t.Parallel()
	s, c := serve(t, "--dev"), newClient(t)
	c.write("hello.txt", "hello\n")
	c.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
	for name, row := range map[string]struct {
		args  []string
		words []string
	}{
		"a tag of no known form":                 {push(s.ref("acme/hello:Release_One"), says("acme/hello", "1.0.0")), []string{"Release_One", "1.2.3", "sha256-"}},
		"a version with a leading v":             {push(s.ref("acme/hello:v1.0.0"), says("acme/hello", "1.0.0")), []string{"v1.0.0", "1.2.3"}},
		"a channel set by a push":                {push(s.ref("acme/hello:stable"), says("acme/hello", "1.0.2")), []string{"stable", "promot"}},
		"the reserved ledger tag":                {push(s.ref("acme/hello:oarlock-state"), says("acme/hello", "1.0.2")), []string{"oarlock-state"}},
		"a version other than the tag":           {push(s.ref("acme/hello:1.0.3"), says("acme/hello", "1.0.2")), []string{"1.0.2", "1.0.3"}},
		"an id other than the repository":        {push(s.ref("acme/hello:1.0.4"), says("acme/other", "1.0.4")), []string{"acme/other", "acme/hello"}},
		"an engine range that cannot be read":    {push(s.ref("acme/hello:1.0.5"), but(says("acme/hello", "1.0.5"), "dev.oarlock.plugin.engine.acme-editor", "about two")), []string{"about two"}},
		"a repository that is not a plugin name": {push(s.ref("acme/sub/hello:1.0.0"), says("acme/sub/hello", "1.0.0")), []string{"acme/sub/hello"}},
		"an artifact of another type":            {[]string{"push", "--plain-http", s.ref("acme/hello:1.0.6"), "--artifact-type", "application/vnd.acme.other", "hello.txt"}, []string{pluginType}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &client{t: t, dir: c.dir, env: c.env}
			c.refused(row.words, "oras", row.args...)
		})
	}
	if got := s.listed(t, "acme/hello", "1.0.0"); got.Version != "1.0.0" {
		t.Errorf("refused pushes changed the row: %+v", got)
	}
	if tags := c.run("oras", "repo", "tags", "--plain-http", s.ref("acme/hello")); tags != "1.0.0\n" {
		t.Errorf("refused pushes left the tags %q", tags)
	}
}

func TestDeleteOfAVersionIsRefusedToStockClients_B2(t *testing.T) {
	t.Parallel()
	s, c := serve(t, "--dev"), newClient(t)
	c.write("hello.txt", "hello\n")
	c.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
	c.refused([]string{"UNSUPPORTED", "1.0.0", "oarlock block"}, "crane", "delete", "--insecure", s.ref("acme/hello:1.0.0"))
	c.refused([]string{"unsupported", "1.0.0"}, "oras", "manifest", "delete", "--plain-http", "-f", s.ref("acme/hello@"+c.resolve(s, "acme/hello:1.0.0")))
	c.run("oras", "pull", "--plain-http", s.ref("acme/hello:1.0.0"), "-o", "out")
}

func TestRepushAtAnotherTimeSaysHowToKeepTheTime_B2(t *testing.T) {
	t.Parallel()
	s, c := serve(t, "--dev"), newClient(t)
	c.write("hello.txt", "hello\n")
	c.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
	later := push(s.ref("acme/hello:1.0.0"), but(says("acme/hello", "1.0.0"), "org.opencontainers.image.created", "2026-05-05T05:05:05Z"))
	c.refused([]string{"--annotation org.opencontainers.image.created=2026-01-02T15:04:05Z"}, "oras", later...)
}
