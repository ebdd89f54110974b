//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy/ledger/ledgertest"
)

// A site whose publisher acme is claimed and verified, and a client that has
// its platform's key.
func serveVerified(t *testing.T, c *client) *server {
	t.Helper()
	s := serve(t)
	s.claims(t, c, "acme")
	s.call(t, "POST", "/api/v1/accounts", map[string]string{"name": "bob"}, nil)
	s.call(t, "PUT", "/api/v1/namespaces/acme/members/person:bob", map[string]string{"role": "reader"}, nil)
	s.call(t, "POST", "/api/v1/publishers/acme/verification", map[string]string{"evidence": "administrator"}, nil)
	c.write("platform.pub", c.with("OARLOCK_SERVER=http://"+s.addr).run("oarlock", "ledger", "keys"))
	return s
}

// Both tools copy a ledger whole, and a second run changes nothing.
var copies = map[string]func(c *client, from, to string){
	"oras cp -r": func(c *client, from, to string) {
		c.run("oras", "cp", "-r", "--from-plain-http", "--to-plain-http", from, to)
	},
	"crane copy": func(c *client, from, to string) { c.run("crane", "copy", "--insecure", from, to) },
}

func TestALedgerIsVerifiedOnAnyMirror_E1(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s := serveVerified(t, c)
	for name, copied := range copies {
		t.Run(name, func(t *testing.T) {
			mirror, _ := bareRegistry(t)
			ref := mirror + "/copy/of/oarlock/publishers:acme"
			for range 2 {
				copied(c, s.ref("oarlock/publishers:acme"), ref)
				if out := c.run("oarlock", "ledger", "verify", ref, "--key", "platform.pub"); !strings.Contains(out, "3 statements hold") {
					t.Errorf("verify says %s", out)
				}
			}
		})
	}
}

// What somebody does to a mirror is named by the client, which asks nobody.
func TestWhatIsDoneToAMirrorIsNamed_E1(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s := serveVerified(t, c)
	mirror, _ := bareRegistry(t)
	ref := mirror + "/oarlock/publishers:acme"
	copies["oras cp -r"](c, s.ref("oarlock/publishers:acme"), ref)
	c.run("oarlock", "ledger", "verify", ref, "--key", "platform.pub") // remembers the head
	m := &mirrored{t, "http://" + mirror + "/v2/oarlock/publishers"}
	whole := m.list()
	stranger := ledgertest.NewKey(t, "stranger")
	for says, row := range map[string]struct {
		list []ocispec.Descriptor
		want []string
	}{
		"forged":    {append(slices.Clone(whole), m.forge(stranger, whole)), []string{"ledger_forged: statement 4, sha256:"}},
		"reordered": {[]ocispec.Descriptor{whole[0], whole[2], whole[1]}, []string{"ledger_reordered: statement 2, " + whole[2].Digest.String()}},
		"truncated": {whole[:2], []string{"ledger_truncated", "it ends after statement 2, and 3 were known, the last " + whole[2].Digest.String()}},
		"gutted":    {[]ocispec.Descriptor{whole[0], whole[2]}, []string{"ledger_truncated: statement 2, " + whole[2].Digest.String()}},
		"forked":    {append(slices.Clone(whole[:2]), m.forge(stranger, whole[:2])), []string{"ledger_forked: statement 3", whole[2].Digest.String()}},
	} {
		m.set(row.list)
		r := c.try("oarlock", "ledger", "verify", ref, "--key", "platform.pub")
		if r.code != 12 {
			t.Errorf("%s: exit %d, want 12\n%s%s", says, r.code, r.stdout, r.stderr)
		}
		for _, want := range row.want {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%s: %q is not in\n%s", says, want, r.stdout)
			}
		}
	}
	m.set(whole)
	c.run("oarlock", "ledger", "verify", ref, "--key", "platform.pub")
}

// A second site takes a ledger from the first where it trusts it, shows what
// it says, and refuses what does not extend it.
func TestAMirrorThatIsASiteKeepsLedgersGrowing_E1_H4(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	s := serveVerified(t, c)
	c.write("trust.yaml", "platforms:\n  - {name: there, key: {file: platform.pub}}\nnamespaces:\n  \"*\": {signature: optional}\n")
	c.write("config.yaml", fmt.Sprintf("trust: %q\n", filepath.Join(c.dir, "trust.yaml")))
	here := serve(t, "--config", filepath.Join(c.dir, "config.yaml"))
	c.login(here, "oras", here.admin(t))
	c.login(here, "crane", here.admin(t))
	from, to := s.ref("oarlock/publishers:acme"), here.ref("oarlock/publishers:acme")
	for _, copied := range copies {
		copied(c, from, to)
		copied(c, from, to)
	}
	var p struct {
		Verified *struct{ Evidence string }
		Ledger   struct {
			Sequence int
			Foreign  bool
		}
	}
	until(t, "the publisher shows", func() error { return here.get("/api/v1/publishers/acme", &p) })
	if p.Verified == nil || !p.Ledger.Foreign || p.Ledger.Sequence != 3 {
		t.Errorf("publisher: %+v", p)
	}
	s.call(t, "POST", "/api/v1/namespaces/acme/close", nil, nil)
	copies["crane copy"](c, from, to)

	m := &mirrored{t, "http://" + s.addr + "/v2/oarlock/publishers"}
	older := m.list()[:3]
	bare, _ := bareRegistry(t)
	copies["oras cp -r"](c, from, bare+"/oarlock/publishers:acme")
	b := &mirrored{t, "http://" + bare + "/v2/oarlock/publishers"}
	for says, row := range map[string]struct {
		list []ocispec.Descriptor
		want []string
	}{
		"an older copy":     {older, []string{"an older copy", "first 3 of the 4"}},
		"a fork":            {append(slices.Clone(older), b.forge(ledgertest.NewKey(t, "x"), older)), []string{"forked at statement 4"}},
		"a forged addition": {append(m.list(), b.forge(ledgertest.NewKey(t, "y"), m.list())), []string{"ledger_forged", "statement 5"}},
	} {
		b.set(row.list)
		c.refused(row.want, "crane", "copy", "--insecure", bare+"/oarlock/publishers:acme", to)
		t.Log(says)
	}
	plain := serve(t)
	c.login(plain, "crane", plain.admin(t))
	c.refused([]string{"ledger_forged", "platforms:"}, "crane", "copy", "--insecure", from, plain.ref("oarlock/publishers:acme"))
}

// mirrored is the ledger of acme in a registry, as somebody who has it in hand
// may change it.
type mirrored struct {
	t   *testing.T
	url string
}

func (m *mirrored) send(method, path, contentType string, body []byte) []byte {
	m.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = m.url + path
	}
	r, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", ocispec.MediaTypeImageIndex)
	resp, err := web.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		m.t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, raw, err)
	}
	if method == http.MethodPost {
		return []byte(resp.Header.Get("Location"))
	}
	return raw
}

func (m *mirrored) list() []ocispec.Descriptor {
	m.t.Helper()
	l, err := format.ParseList(ocispec.MediaTypeImageIndex, m.send("GET", "/manifests/acme", "", nil))
	if err != nil {
		m.t.Fatal(err)
	}
	return l.Statements
}

func (m *mirrored) set(list []ocispec.Descriptor) {
	m.t.Helper()
	raw, err := format.BuildList(list)
	if err != nil {
		m.t.Fatal(err)
	}
	m.send("PUT", "/manifests/acme", ocispec.MediaTypeImageIndex, raw)
}

// forge stores a statement by a stranger that would follow a list.
func (m *mirrored) forge(by ledgertest.Key, list []ocispec.Descriptor) ocispec.Descriptor {
	m.t.Helper()
	ref, err := format.OfPublisher("acme")
	if err != nil {
		m.t.Fatal(err)
	}
	body, err := json.Marshal(format.Member{Principal: "person:eve", Role: format.RoleOwner})
	if err != nil {
		m.t.Fatal(err)
	}
	st := &format.Statement{Ledger: ref, Kind: format.MemberSet, Sequence: len(list) + 1, Previous: list[len(list)-1].Digest, ID: by.ID().String()[:20],
		Time: time.Now().UTC(), Actor: "person:ada", Role: format.RolePlatform, Subject: ref.Subject(), Body: body}
	envelope, err := by.Envelope(m.t.Context(), st)
	if err != nil {
		m.t.Fatal(err)
	}
	manifest, d, err := format.BuildManifest(envelope)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, blob := range [][]byte{envelope, []byte("{}")} {
		location := string(m.send("POST", "/blobs/uploads/", "", nil))
		glue := "?"
		if strings.Contains(location, "?") {
			glue = "&"
		}
		m.send("PUT", location+glue+"digest="+digest.FromBytes(blob).String(), "application/octet-stream", blob)
	}
	m.send("PUT", "/manifests/"+d.Digest.String(), ocispec.MediaTypeImageManifest, manifest)
	return d
}
