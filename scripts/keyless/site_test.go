//go:build keyless

package keyless

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A site is a running oarlock with the client that publishes there.
type site struct {
	*client
	data, config string
	host         string
	process      *process
}

var (
	listening = regexp.MustCompile(`(?i)listening.*?(127\.0\.0\.1:[0-9]+)`)
	bootstrap = regexp.MustCompile(`bootstrap admin token, shown this once: (\S+)`)
)

// newSite starts an oarlock that judges by the policy.
func newSite(t *testing.T, policy string) *site {
	t.Helper()
	s := &site{client: newClient(t), data: t.TempDir()}
	s.config = s.write("config.yaml", fmt.Sprintf("trust: %q\n", s.write("trust.yaml", policy)))
	s.start(t)
	found := bootstrap.FindStringSubmatch(s.process.log.String())
	if found == nil {
		t.Fatalf("the first start printed no token:\n%s", s.process.log)
	}
	for _, name := range []string{"acme", "examples", "kept", "revoked"} {
		s.claim(t, name, found[1])
	}
	if out, said, code := s.try(found[1], "oras", "login", "--plain-http", "-u", "admin", "--password-stdin", s.host); code != 0 {
		t.Fatalf("oras login: exit %d: %s%s", code, out, said)
	}
	return s
}

// start starts the server over what is stored.
func (s *site) start(t *testing.T) {
	t.Helper()
	s.process = run(t, "oarlock", "serve", "--data", s.data, "--listen", "127.0.0.1:0", "--config", s.config)
	err := until(func() error {
		found := listening.FindStringSubmatch(s.process.log.String())
		if found == nil {
			return fmt.Errorf("no line that says where it listens")
		}
		s.host = found[1]
		return nil
	})
	if err == nil {
		err = s.process.answers("http://" + s.host + "/readyz")
	}
	if err != nil {
		t.Fatalf("serve: %v:\n%s", err, s.process.log)
	}
}

func (s *site) claim(t *testing.T, namespace, token string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+s.host+"/api/v1/namespaces", strings.NewReader(fmt.Sprintf("{%q:%q}", "name", namespace)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("claim %s: %s", namespace, resp.Status)
	}
}

// publish pushes a version, and gives its reference by digest.
func (s *site) publish(t *testing.T, id, version string) string {
	t.Helper()
	s.write("hello.txt", id+" "+version+"\n")
	at := s.host + "/" + id
	s.run("oras", "push", "--plain-http", at+":"+version, "--artifact-type", "application/vnd.oarlock.plugin.v1",
		"--annotation", "dev.oarlock.plugin.id="+id, "--annotation", "dev.oarlock.plugin.engine.acme-editor=>=2.0.0 <3.0.0",
		"--annotation", "org.opencontainers.image.version="+version, "--annotation", "org.opencontainers.image.title=Hello",
		"--annotation", "org.opencontainers.image.licenses=MIT", "--annotation", "org.opencontainers.image.created=2026-01-02T15:04:05Z",
		"hello.txt:text/plain")
	return at + "@" + strings.TrimSpace(s.run("oras", "resolve", "--plain-http", at+":"+version))
}

const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// attach stores a bundle as a referrer of what the reference names.
func (s *site) attach(ref string, bundle []byte) {
	s.t.Helper()
	s.write("bundle.json", string(bundle))
	s.run("oras", "attach", "--plain-http", "--artifact-type", bundleType, ref, "bundle.json:"+bundleType)
}

// stripped is a bundle of which an attacker took a part of the proof away.
func stripped(t *testing.T, bundle []byte, part string) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(bundle, &b); err != nil {
		t.Fatal(err)
	}
	proof, ok := b["verificationMaterial"].(map[string]any)
	if !ok || proof[part] == nil {
		t.Fatalf("the bundle has no %s: %s", part, bundle)
	}
	delete(proof, part)
	out, err := json.Marshal(b)
	if err != nil || bytes.Equal(out, bundle) {
		t.Fatalf("nothing was taken away: %v", err)
	}
	return out
}

// A judged version is what the catalog says of one.
type judged struct {
	Signature struct{ Status, Signer, Format string } `json:"signature"`
	Pending   *struct {
		Reasons []struct{ Code, Detail string } `json:"reasons"`
	} `json:"pending"`
}

// says waits until the catalog says that a version is verified in a form, or
// that it waits for reasons with the words.
func (s *site) says(t *testing.T, id, version, format string, words []string) {
	t.Helper()
	var got judged
	err := until(func() error {
		raw, err := get("http://" + s.host + "/api/v1/plugins/" + id + "/versions/" + version)
		if err != nil {
			return err
		}
		got = judged{}
		if err := json.Unmarshal(raw, &got); err != nil {
			return err
		}
		if got.fits(format, words) {
			return nil
		}
		return fmt.Errorf("the catalog says %s", raw)
	})
	if err != nil {
		t.Errorf("%s %s: want %q %q: %v", id, version, format, words, err)
	}
}

func (j judged) fits(format string, words []string) bool {
	if format != "" {
		return j.Signature.Status == "verified" && j.Signature.Signer == "ada" && j.Signature.Format == format && j.Pending == nil
	}
	if j.Pending == nil || j.Signature.Status == "verified" {
		return false
	}
	for _, word := range words {
		if !slices.ContainsFunc(j.Pending.Reasons, func(r struct{ Code, Detail string }) bool { return strings.Contains(r.Detail, word) }) {
			return false
		}
	}
	return true
}
