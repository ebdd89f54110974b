//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// serveTrusting starts a server on which a version of acme is listed once the
// key pair that it makes in the client's folder has signed it.
func serveTrusting(t *testing.T, c *client) *server {
	t.Helper()
	if r := c.try("cosign2", "generate-key-pair"); r.code != 0 {
		t.Fatalf("%s: exit %d\n%s", r.command, r.code, r.stderr)
	}
	return serveWith(t, c)
}

// serveWith starts a server that trusts the key pair of the client's folder.
func serveWith(t *testing.T, c *client) *server {
	t.Helper()
	c.write("trust.yaml", "namespaces:\n  acme:\n    signers:\n      - name: release\n        key: {file: cosign.pub}\n")
	c.write("config.yaml", fmt.Sprintf("trust: %q\n", filepath.Join(c.dir, "trust.yaml")))
	s := serve(t, "--config", filepath.Join(c.dir, "config.yaml"))
	s.claims(t, c, "acme")
	return s
}

// How a signature is kept: the flags of cosign, what its verify needs, and
// what the catalog calls it.
var places = map[string]struct{ env, sign, verify, format string }{
	"in a tag":      {"COSIGN_EXPERIMENTAL=0", "--registry-referrers-mode=legacy", "--experimental-oci11=false", "cosign-tag"},
	"as a referrer": {"COSIGN_EXPERIMENTAL=1", "--registry-referrers-mode=oci-1-1", "--experimental-oci11=true", "cosign-referrer"},
}

func sign(key, ref string, more ...string) []string {
	return append([]string{"sign", "-y", "--key", key, "--tlog-upload=false", "--allow-http-registry", ref}, more...)
}

func verify(key, ref string, more ...string) []string {
	return append([]string{"verify", "--key", key, "--insecure-ignore-tlog", "--allow-http-registry", ref}, more...)
}

func TestVersionIsListedOnceCosignSigned_G1(t *testing.T) {
	t.Parallel()
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t)
			s := serveTrusting(t, c)
			c.write("hello.txt", "hello\n")
			c.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
			s.pending(t, "acme/hello", "1.0.0", "unsigned")

			ref := s.ref("acme/hello@" + c.resolve(s, "acme/hello:1.0.0"))
			cosign := c.with(place.env)
			cosign.run("cosign2", sign("cosign.key", ref, place.sign)...)
			s.signed(t, "acme/hello", "1.0.0", place.format)
			s.listed(t, "acme/hello", "1.0.0")
			cosign.run("cosign2", verify("cosign.pub", ref, place.verify)...)
		})
	}
}

func TestSignatureByAnUnknownKeyStaysPending_G1_G3(t *testing.T) {
	t.Parallel()
	c, stranger := newClient(t), newClient(t)
	s := serveTrusting(t, c)
	stranger.run("cosign2", "generate-key-pair")
	stranger.login(s, "cosign2", s.admin(t)) // may push, and is trusted by nobody
	c.write("hello.txt", "hello\n")
	c.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
	ref := s.ref("acme/hello@" + c.resolve(s, "acme/hello:1.0.0"))
	stranger.run("cosign2", sign("cosign.key", ref)...)
	s.pending(t, "acme/hello", "1.0.0", "signature_unverified")
	if rows := s.plugins(t, ""); len(rows) != 0 {
		t.Errorf("the catalog lists %+v, want nothing that only a stranger signed", rows)
	}
}

// What docs/trust.md says that stock cosign needs, for each form that oarlock writes.
func TestOarlockPushSignVerifiesWithStockCosign_G1(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s := serveTrusting(t, c)
	c.run("cosign2", "trusted-root", "create", "--out", "root.json")
	for version, row := range map[string]struct {
		format string
		two    []string // flags that cosign 2 needs
	}{
		"1.0.0": {"", []string{"--new-bundle-format", "--trusted-root", "root.json"}},
		"1.1.0": {"cosign-tag", nil},
	} {
		c.write("plugin/plugin.json", `{"id":"acme/ours","version":"`+version+`","name":"Ours","engines":{"acme-editor":"^2"}}`)
		c.write("plugin/hello.txt", "hello\n")
		c.run("oarlock", "push", "plugin", s.ref("acme/ours:"+version), "--sign", "--key", "cosign.key", "--signature-format", row.format)
		s.signed(t, "acme/ours", version, cmp.Or(row.format, "sigstore-bundle"))

		ref := s.ref("acme/ours@" + c.resolve(s, "acme/ours:"+version))
		c.run("cosign2", verify("cosign.pub", ref, row.two...)...)
		c.run("cosign3", verify("cosign.pub", ref)...)
		c.run("oarlock", "verify", ref, "--key", "cosign.pub")
	}
}

func TestOarlockVerifyAcceptsStockCosignAndNoOther_G1(t *testing.T) {
	t.Parallel()
	c, stranger := newClient(t), newClient(t)
	s := serveTrusting(t, c)
	stranger.run("cosign2", "generate-key-pair")
	stranger.login(s, "cosign2", s.admin(t)) // may push, and is trusted by nobody
	c.write("hello.txt", "hello\n")
	c.run("oras", push(s.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
	ref := s.ref("acme/hello@" + c.resolve(s, "acme/hello:1.0.0"))
	if r := c.try("oarlock", "verify", ref, "--key", "cosign.pub"); r.code != 12 {
		t.Errorf("verify of an unsigned version: exit %d, want 12\n%s", r.code, r.stderr)
	}
	c.run("cosign2", sign("cosign.key", ref)...)
	c.run("oarlock", "verify", ref, "--key", "cosign.pub")
	if r := stranger.try("oarlock", "verify", ref, "--key", "cosign.pub"); r.code != 12 {
		t.Errorf("verify with another key: exit %d, want 12\n%s", r.code, r.stderr)
	}
}

func TestOrasCopyCarriesVersionAndSignature_B10_C1(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	from := serveTrusting(t, c)
	to := serveWith(t, c)
	c.write("hello.txt", "hello\n")
	c.run("oras", push(from.ref("acme/hello:1.0.0"), says("acme/hello", "1.0.0"))...)
	digest := c.resolve(from, "acme/hello:1.0.0")
	place := places["as a referrer"]
	c.with(place.env).run("cosign2", sign("cosign.key", from.ref("acme/hello@"+digest), place.sign)...)
	from.signed(t, "acme/hello", "1.0.0", place.format)

	c.run("oras", "cp", "-r", "--from-plain-http", from.ref("acme/hello:1.0.0"), "--to-oci-layout", "layout:1.0.0")
	c.run("oras", "cp", "-r", "--from-oci-layout", "layout:1.0.0", "--to-plain-http", to.ref("acme/hello:1.0.0"))
	to.signed(t, "acme/hello", "1.0.0", place.format)
	if got := to.listed(t, "acme/hello", "1.0.0").Digest; got != digest {
		t.Errorf("the copy has digest %s, want %s", got, digest)
	}
	out := c.run("oras", "discover", "--plain-http", "--format", "json", to.ref("acme/hello@"+digest))
	if !json.Valid([]byte(out)) || !strings.Contains(out, "cosign.artifact.sig") {
		t.Errorf("discover on the copy shows no signature:\n%s", out)
	}
	c.with(place.env).run("cosign2", verify("cosign.pub", to.ref("acme/hello@"+digest), place.verify)...)
	if one, two := from.catalogDigest(t), to.catalogDigest(t); one != two {
		t.Errorf("same content and trust, catalog digests %s and %s", one, two)
	}
}
