//go:build keyless

package keyless

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A row is one way to sign, and what comes of it.
type row struct {
	name  string
	id    string
	sign  func(ref string)
	want  string   // form in which it is verified, or ""
	words []string // of the reason why it is not
}

// cosign3 signs as cosign 3 does by default, and gives the bundle. cosign
// itself checks it by the root.
func (i *instance) cosign3(t *testing.T, s *site, token, config, root, ref string, more ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bundle.json")
	s.run("cosign3", append([]string{"sign", "-y", "--identity-token", token, "--signing-config", config, "--trusted-root", root, "--allow-http-registry",
		"--bundle", out, ref}, more...)...)
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// rows are the ways; the first leaves its bundle to those that misuse it.
func (i *instance) rows(t *testing.T, s *site) []row {
	ada, eve, foreign := i.issuer.token(t, "ada"), i.issuer.token(t, "eve"), i.other.token(t, "ada")
	logged, unlogged, strange := i.config(t, "logged.json", &i.log), i.config(t, "unlogged.json", nil), i.config(t, "strange.json", &i.strange)
	const bundled = "sigstore-bundle"
	var good []byte
	sign := func(token, config string) func(string) {
		return func(ref string) { i.cosign3(t, s, token, config, i.root, ref) }
	}
	without := func(part string) func(string) {
		return func(ref string) {
			s.attach(ref, stripped(t, i.cosign3(t, s, ada, logged, i.root, ref, "--upload=false"), part))
		}
	}
	key := filepath.Join(i.client.dir, "cosign.key")
	keyed := func(ref string, more ...string) []string {
		return append([]string{"sign", "-y", "--key", key, "--tlog-upload=false", "--allow-http-registry", ref}, more...)
	}
	stamped := func(ref string) { s.run("cosign2", keyed(ref, "--timestamp-server-url="+i.stamper.url)...) }
	bundled3 := func(ref string) {
		s.run("cosign3", "sign", "-y", "--key", key, "--signing-config", logged, "--trusted-root", i.root, "--allow-http-registry", ref)
	}
	return []row{
		{"cosign 3", "acme/hello", func(ref string) { good = i.cosign3(t, s, ada, logged, i.root, ref) }, bundled, nil},
		{"cosign 3 without a log, where none is required", "examples/hello", sign(ada, unlogged), bundled, nil},
		{"cosign 2 in the bundle form", "examples/hello", func(ref string) {
			s.run("cosign2", "sign", "-y", "--identity-token", ada, "--new-bundle-format", "--signing-config="+unlogged, "--trusted-root", i.root, "--allow-http-registry", ref)
		}, bundled, nil},
		{"cosign 2 in the tag form with a timestamp", "examples/hello", func(ref string) { i.cosign2(s, ada, ref) }, "cosign-tag", nil},
		{"cosign 2 in the tag form, where a log is required", "acme/hello", func(ref string) { i.cosign2(s, ada, ref) }, "", []string{"no trusted identity"}},
		{"another subject", "acme/hello", sign(eve, logged), "", []string{"no trusted identity", `"eve@example.org"`}},
		{"another issuer", "acme/hello", sign(foreign, logged), "", []string{"no trusted identity", i.other.url}},
		{"a log that is not trusted", "acme/hello", func(ref string) { i.cosign3(t, s, ada, strange, i.rootOf(t, "strange-root.json", i.strange), ref) }, "", []string{"not enough verified log entries"}},
		{"no log entry", "acme/hello", sign(ada, unlogged), "", []string{"not enough verified log entries"}},
		{"a log entry that was taken away", "acme/hello", without("tlogEntries"), "", []string{"not enough verified log entries"}},
		{"a certificate of ten minutes whose timestamp was taken away", "acme/hello", without("timestampVerificationData"),
			"", []string{"verify timestamps"}},
		{"replayed onto another digest", "acme/hello", func(ref string) { s.attach(ref, good) }, "", []string{"the bundle signs sha256:"}},
		{"not at all", "acme/hello", func(string) {}, "", []string{"there is no signature"}},
		{"cosign 2 with a key that is revoked later, and a timestamp", "kept/hello", stamped, "cosign-tag", nil},
		{"cosign 2 with a key that was revoked, and a timestamp", "revoked/hello", stamped, "", []string{"the signer is revoked from"}},
		{"cosign 2 with a key that is revoked later, and no timestamp", "kept/hello", func(ref string) { s.run("cosign2", keyed(ref)...) },
			"", []string{"neither a timestamp nor a log entry"}},
		{"cosign 3 with a key that is revoked later, a timestamp and a log", "kept/hello", bundled3, bundled, nil},
		{"cosign 3 with a key that was revoked, a timestamp and a log", "revoked/hello", bundled3, "", []string{"the signer is revoked from"}},
	}
}

// cosign2 signs in the form of before; its log would be Rekor 1.
func (i *instance) cosign2(s *site, token, ref string) {
	s.run("cosign2", "sign", "-y", "--identity-token", token, "--fulcio-url="+i.certifier.url, "--tlog-upload=false", "--timestamp-server-url="+i.stamper.url,
		"--trusted-root", i.root, "--insecure-skip-verify", "--allow-http-registry", ref)
}

// TestKeyless_G1_G3 signs in each way while the authorities run, and asks the
// catalog. Then it stops them all, starts the server again over its bytes
// alone, and asks that and a client without a server to trust.
func TestKeyless_G1_G3(t *testing.T) {
	i := newInstance(t)
	s := newSite(t, i.policy())
	rows := i.rows(t, s)
	refs := make([]string, len(rows))
	for n, row := range rows {
		refs[n] = s.publish(t, row.id, version(n))
		row.sign(refs[n])
	}
	t.Run("online", func(t *testing.T) { ask(t, s, rows) })

	i.end()
	s.process.stop()
	checkpoint, err := filepath.Glob(filepath.Join(s.data, "*checkpoint*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range checkpoint {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	before := s.host
	s.start(t)
	t.Run("offline", func(t *testing.T) { ask(t, s, rows) })
	policy := s.write("client.yaml", i.policy())
	for n, row := range rows {
		t.Run("client/"+row.name, func(t *testing.T) {
			s.verifies(t, row, strings.Replace(refs[n], before, s.host, 1), policy)
		})
	}
}

func version(n int) string { return fmt.Sprintf("1.0.%d", n) }

func ask(t *testing.T, s *site, rows []row) {
	for n, row := range rows {
		t.Run(row.name, func(t *testing.T) { s.says(t, row.id, version(n), row.want, row.words) })
	}
}

// verifies asks `oarlock verify`, which believes no server.
func (s *site) verifies(t *testing.T, row row, ref, policy string) {
	t.Helper()
	stdout, stderr, code := s.try("", "oarlock", "verify", ref, "--policy", policy)
	want := 12
	if row.want != "" {
		want = 0
	}
	if code != want {
		t.Fatalf("verify: exit %d, want %d: %s%s", code, want, stdout, stderr)
	}
	if row.want != "" && !strings.Contains(stdout, "verified by ada ("+row.want+")") {
		t.Errorf("verify: %s does not say in which form", stdout)
	}
	for _, word := range row.words {
		if !strings.Contains(stderr, word) {
			t.Errorf("verify: %s does not say %q", stderr, word)
		}
	}
}
