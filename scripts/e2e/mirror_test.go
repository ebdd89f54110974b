//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// versions is what the site of a mirror test has: signed in every form, and
// one with two platforms.
func (c *client) fills(t *testing.T, s *server) {
	t.Helper()
	c.write("hello.txt", "hello\n")
	for version, place := range map[string]string{"1.0.0": "in a tag", "1.1.0": "as a referrer"} {
		c.run("oras", push(s.ref("acme/hello:"+version), says("acme/hello", version))...)
		ref := s.ref("acme/hello@" + c.resolve(s, "acme/hello:"+version))
		c.with(places[place].env).run("cosign2", sign("cosign.key", ref, places[place].sign)...)
		s.signed(t, "acme/hello", version, places[place].format)
	}
	c.write("ours/plugin.json", `{"id":"acme/ours","version":"1.0.0","name":"Ours","engines":{"acme-editor":"^2"}}`)
	c.write("ours/hello.txt", "hello\n")
	c.run("oarlock", "push", "ours", s.ref("acme/ours:1.0.0"), "--sign", "--key", "cosign.key", "--signature-format", "sigstore-bundle")
	c.write("tests.json", `{"result":"PASSED","configuration":[{"name":"go test"}],"passedTests":["all"]}`)
	c.run("oarlock", "attest", s.ref("acme/ours:1.0.0"), "--type", "test-result", "--predicate", "tests.json", "--key", "cosign.key")
	s.signed(t, "acme/ours", "1.0.0", "sigstore-bundle")
	for _, version := range []string{"acme/hello:1.0.0", "acme/hello:1.1.0", "acme/ours:1.0.0"} {
		until(t, version+" has its proof of the log", func() error {
			if all := c.run("oras", "discover", "--plain-http", "--format", "json", "--artifact-type", "application/vnd.oarlock.log.proof.v1", s.ref(version)); !strings.Contains(all, "vnd.oarlock.log.proof") {
				return fmt.Errorf("its referrers are %s", all)
			}
			return nil
		})
	}
}

// twins are two sites with one trust policy and no logins.
func (c *client) twins(t *testing.T) (from, to *server) {
	t.Helper()
	c.run("cosign2", "generate-key-pair")
	c.write("trust.yaml", "namespaces:\n  acme:\n    signers:\n      - name: release\n        key: {file: cosign.pub}\n")
	c.write("config.yaml", fmt.Sprintf("trust: %q\n", filepath.Join(c.dir, "trust.yaml")))
	config := filepath.Join(c.dir, "config.yaml")
	return serve(t, "--dev", "--config", config), serve(t, "--dev", "--config", config)
}

// Each tool copies repositories of one registry to another.
var mirrors = map[string]func(t *testing.T, c *client, from, to string){
	"oarlock mirror": func(_ *testing.T, c *client, from, to string) { c.run("oarlock", "mirror", from, to) },
	"oras cp -r": func(_ *testing.T, c *client, from, to string) {
		for repo, tags := range c.tags(from) {
			for _, tag := range tags {
				if strings.HasPrefix(tag, "sha256-") && !strings.Contains(tag, ".") {
					continue // a list of referrers, which -r brings along
				}
				c.run("oras", "cp", "-r", "--from-plain-http", "--to-plain-http", from+"/"+repo+":"+tag, to+"/"+repo+":"+tag)
			}
		}
	},
	"regsync": func(_ *testing.T, c *client, from, to string) {
		config := fmt.Sprintf("version: 1\ncreds:\n  - {registry: %q, tls: disabled}\n  - {registry: %q, tls: disabled}\ndefaults: {digestTags: true, referrers: true}\nsync:\n", from, to)
		for _, repo := range []string{"acme/hello", "acme/ours"} {
			config += fmt.Sprintf("  - {source: %s/%s, target: %s/%s, type: repository}\n", from, repo, to, repo)
		}
		c.write("regsync.yaml", config)
		c.run("regsync", "once", "-c", "regsync.yaml")
	},
}

// tags are those of the plugins that a registry has.
func (c *client) tags(registry string) map[string][]string {
	c.t.Helper()
	found := map[string][]string{}
	for _, repo := range []string{"acme/hello", "acme/ours"} {
		found[repo] = strings.Fields(c.run("oras", "repo", "tags", "--plain-http", registry+"/"+repo))
	}
	return found
}

// B10: through a registry of another kind, which has no referrers API, and on to
// a second site: signatures and attestations arrive, and the catalog is the same.
func TestEveryToolMirrorsASiteThroughABareRegistry_B10_C1_H3(t *testing.T) {
	t.Parallel()
	for tool, copied := range mirrors {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			c := newClient(t)
			from, to := c.twins(t)
			c.fills(t, from)
			bare, _ := bareRegistry(t)
			for range 2 { // the second time changes nothing
				copied(t, c, from.addr, bare)
				copied(t, c, bare, to.addr)
			}
			until(t, "the catalogs are equal", func() error {
				if a, b := from.catalogDigest(t), to.catalogDigest(t); a != b {
					return fmt.Errorf("%s and %s", a, b)
				}
				return nil
			})
			to.signed(t, "acme/hello", "1.0.0", "cosign-tag")
			to.signed(t, "acme/hello", "1.1.0", "cosign-referrer")
			to.signed(t, "acme/ours", "1.0.0", "sigstore-bundle")
			for _, pair := range [][2]string{{from.addr, bare}, {bare, to.addr}, {to.addr, bare}} {
				if r := c.try("oarlock", "mirror", pair[0], pair[1], "--check", "--except", "oarlock/*"); r.code != 0 {
					t.Errorf("%s: exit %d\n%s%s", r.command, r.code, r.stdout, r.stderr)
				}
			}
		})
	}
}

// H3: what came later is copied and nothing else, channels follow, a version
// that differs stays, and a host installs from the mirror.
func TestMirrorIsIncrementalAndSaysWhatDiffers_H3(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	from, to := c.twins(t)
	c.fills(t, from)
	c.with("OARLOCK_SERVER=http://"+from.addr).run("oarlock", "channel", "set", "acme/hello@1.0.0", "stable")
	c.run("oarlock", "mirror", from.addr, to.addr)
	type report struct {
		Tags, Manifests, Blobs            int
		Missing, Different, Extra, Failed []struct{ Repository, Tag string }
	}
	mirror := func(want int, more ...string) (got report) {
		t.Helper()
		r := c.try("oarlock", append([]string{"mirror", from.addr, to.addr, "--output", "json"}, more...)...)
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.code != want {
			t.Fatalf("%s: exit %d, expected %d: %v\n%s%s", r.command, r.code, want, err, r.stdout, r.stderr)
		}
		return got
	}
	if got := mirror(0); got.Tags+got.Manifests+got.Blobs != 0 {
		t.Errorf("the second run: %+v", got)
	}
	if a, b := c.resolve(from, "acme/hello:stable"), c.resolve(to, "acme/hello:stable"); a != b {
		t.Errorf("stable is %s and %s", a, b)
	}
	c.with("OARLOCK_SERVER=http://"+from.addr).run("oarlock", "channel", "set", "acme/hello@1.1.0", "stable")
	c.write("ours/hello.txt", "hello here\n")
	c.write("ours/plugin.json", strings.Replace(c.read("ours/plugin.json"), "1.0.0", "2.0.0", 1))
	c.run("oarlock", "push", "ours", from.ref("acme/ours:2.0.0"))
	c.write("ours/hello.txt", "hello there\n")
	c.run("oarlock", "push", "ours", to.ref("acme/ours:2.0.0"))
	if got := mirror(1, "--check"); len(got.Missing) != 2 || len(got.Different) != 1 { // the manifest too
		t.Errorf("check: %+v", got)
	}
	got := mirror(3)
	if len(got.Different) != 1 || got.Different[0].Tag != "2.0.0" || got.Tags != 1 || len(got.Failed) != 0 {
		t.Errorf("the third run: %+v", got)
	}
	if a, b := c.resolve(from, "acme/hello:stable"), c.resolve(to, "acme/hello:stable"); a != b {
		t.Errorf("stable is %s and %s", a, b)
	}
	c.run("oarlock", "install", "acme/hello", "--server", "http://"+to.addr, "--dir", "plugins", "--key", "cosign.pub")
	if _, err := filepath.Glob(filepath.Join(c.dir, "plugins", "*")); err != nil {
		t.Error(err)
	}
}

// A site that asks for logins is mirrored to another, ledgers first.
func TestASiteWithLoginsIsMirroredWithItsLedgers_H3_E1(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s := serveVerified(t, c)
	c.write("hello.txt", "hello\n")
	c.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
	c.write("trust.yaml", "platforms:\n  - {name: there, key: {file: platform.pub}}\nnamespaces:\n  \"*\": {signature: optional}\n")
	c.write("config.yaml", fmt.Sprintf("trust: %q\n", filepath.Join(c.dir, "trust.yaml")))
	here := serve(t, "--config", filepath.Join(c.dir, "config.yaml"))
	c.login(here, "oras", here.admin(t))
	bare, _ := bareRegistry(t)
	c.run("oarlock", "mirror", s.addr, bare+"/folder")
	if out := c.run("oarlock", "ledger", "verify", bare+"/folder/oarlock/publishers:acme", "--key", "platform.pub"); !strings.Contains(out, "3 statements hold") {
		t.Errorf("verify says %s", out)
	}
	if tags := c.run("oras", "repo", "tags", "--plain-http", bare+"/folder/acme/hello"); !strings.Contains(tags, "1.0.0") {
		t.Errorf("tags %s", tags)
	}
	// The ledger goes first; the plugins, once the namespace has an owner here.
	if r := c.try("oarlock", "mirror", bare+"/folder", here.addr); r.code != 3 || !strings.Contains(r.stdout, "publisher claim acme") {
		t.Errorf("before the claim: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	c.run("oarlock", "ledger", "verify", here.ref("oarlock/publishers:acme"), "--key", "platform.pub")
	here.call(t, "POST", "/api/v1/namespaces", map[string]string{"name": "acme"}, nil)
	c.run("oarlock", "mirror", bare+"/folder", here.addr)
	if a, b := c.resolve(s, "acme/hello:1.0.0"), c.resolve(here, "acme/hello:1.0.0"); a != b {
		t.Errorf("1.0.0 is %s and %s", a, b)
	}
	stranger := newClient(t)
	stranger.refused([]string{"name them one by one"}, "oarlock", "mirror", s.addr, bare+"/other")
}
