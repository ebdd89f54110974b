//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// bareRegistry runs stock distribution with a data directory of its own, and
// gives its address and that directory.
func bareRegistry(t *testing.T) (addr, dir string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, dir = l.Addr().String(), t.TempDir()
	l.Close()
	config := filepath.Join(t.TempDir(), "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: %q}\n", dir, addr)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binaries["registry"], "serve", config)
	cmd.Env = append(environment(t), "OTEL_TRACES_EXPORTER=none")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	until(t, "distribution is ready", func() error {
		resp, err := web.Get("http://" + addr + "/v2/")
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
	return addr, dir
}

// held is what oarlock catalog check says of a copy.
type held struct {
	CatalogDigest string `json:"catalog_digest"`
	Versions      int    `json:"versions"`
	Manifest      string `json:"manifest"`
}

func (c *client) checked(t *testing.T, catalog, state string) (held, result) {
	t.Helper()
	r := c.try("oarlock", "catalog", "check", "--catalog", catalog, "--root", "root.json", "--catalog-state", state, "--output", "json")
	var h held
	if r.code == 0 {
		if err := json.Unmarshal([]byte(r.stdout), &h); err != nil {
			t.Fatalf("%s: %v", r.command, err)
		}
	}
	return h, r
}

// publishedBy waits until the server's signed catalog says what its API says,
// with so many versions, each of them verified.
func (c *client) publishedBy(t *testing.T, s *server, versions int) held {
	t.Helper()
	var h held
	until(t, fmt.Sprintf("%d versions are in the signed catalog", versions), func() error {
		var said struct {
			CatalogDigest string `json:"catalog_digest"`
			Versions      []struct {
				Signature struct {
					Status string `json:"status"`
				} `json:"signature"`
			} `json:"versions"`
		}
		if err := s.get("/api/v1/plugins/acme/hello", &said); err != nil {
			return err
		}
		signed := 0
		for _, v := range said.Versions {
			if v.Signature.Status != "unsigned" {
				signed++
			}
		}
		var r result
		if h, r = c.checked(t, s.addr, "own"); signed != versions || h.CatalogDigest != said.CatalogDigest {
			return fmt.Errorf("%d signed of %+v, %+v, %s", signed, said, h, r.stderr)
		}
		return nil
	})
	return h
}

// C7: a catalog and its plugins that stock tools copied into a bare registry
// are enough to install from, when the site they came from is gone.
func TestHostsInstallFromACopyWithNoIndexService_C7(t *testing.T) {
	t.Parallel()
	s, c := serve(t, "--dev"), newClient(t)
	c.run("oarlock", "key", "generate", "acme")
	c.run("oarlock", "init", "hello", "--id", "acme/hello")
	push := func(version string) {
		c.run("oarlock", "push", "hello", s.ref("acme/hello:"+version), "--sign", "--key", "acme.key", "--signature-format", "sigstore-bundle")
	}
	plugin := c.read("hello/plugin.json")
	push("0.1.0")
	until(t, "there is a root", func() error {
		if r := c.try("oarlock", "catalog", "root", "show", "--server", "http://"+s.addr, "--export", "root.json"); r.code != 0 {
			return fmt.Errorf("%s", r.stderr)
		}
		return nil
	})
	first := c.publishedBy(t, s, 1)
	bare, dir := bareRegistry(t)
	c.run("oras", "cp", "-r", "--from-plain-http", "--to-plain-http", s.ref("oarlock/catalog@"+first.Manifest), bare+"/oarlock/catalog:old")
	c.write("hello/plugin.json", strings.Replace(plugin, "0.1.0", "0.2.0", 1))
	push("0.2.0")
	second := c.publishedBy(t, s, 2)

	c.run("oras", "cp", "-r", "--from-plain-http", "--to-plain-http", s.ref("oarlock/catalog:latest"), bare+"/oarlock/catalog:latest")
	c.run("crane", "copy", "--insecure", s.ref("oarlock/catalog:latest"), bare+"/by-crane/oarlock/catalog:latest")
	c.run("regctl", "registry", "set", "--tls", "disabled", s.addr)
	c.run("regctl", "registry", "set", "--tls", "disabled", bare)
	c.run("regctl", "image", "copy", s.ref("oarlock/catalog:latest"), bare+"/by-regctl/oarlock/catalog:latest")
	for _, version := range []string{"0.1.0", "0.2.0"} {
		c.run("oras", "cp", "-r", "--from-plain-http", "--to-plain-http", s.ref("acme/hello:"+version), bare+"/acme/hello:"+version)
	}
	s.end()

	for _, at := range []string{bare, bare + "/by-crane", bare + "/by-regctl/oarlock/catalog"} {
		if h, r := c.checked(t, at, "state-"+strings.NewReplacer("/", "-", ":", "-").Replace(at)); h.Manifest != second.Manifest {
			t.Errorf("%s: %+v, expected the manifest %s: %s", at, h, second.Manifest, r.stderr)
		}
	}
	host := c.with("OARLOCK_CATALOG=" + bare).with("OARLOCK_ROOT=root.json")
	if out := host.run("oarlock", "search", "hello"); !strings.Contains(out, "0.2.0") {
		t.Errorf("search: %s", out)
	}
	host.run("oarlock", "install", "acme/hello@0.1.0", "--dir", "plugins", "--key", "acme.pub")
	if out := host.run("oarlock", "list", "--dir", "plugins"); !strings.Contains(out, "0.1.0") || !strings.Contains(out, "verified") {
		t.Errorf("list: %s", out)
	}
	host.run("oarlock", "install", "acme/hello", "--dir", "plugins", "--key", "acme.pub") // of any version
	host.run("oarlock", "update", "--dir", "plugins", "--key", "acme.pub")
	if out := host.run("oarlock", "list", "--dir", "plugins"); !strings.Contains(out, "0.2.0") {
		t.Errorf("list: %s", out)
	}

	// who holds the copy goes back, and then changes bytes
	if _, r := c.checked(t, bare, "seen"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	c.run("oras", "cp", "-r", "--from-plain-http", "--to-plain-http", bare+"/oarlock/catalog:old", bare+"/oarlock/catalog:latest")
	if _, r := c.checked(t, bare, "seen"); r.code != 12 || !strings.Contains(r.stderr, "rollback") {
		t.Errorf("an older copy: exit code %d: %s", r.code, r.stderr)
	}
	tamper(t, c, bare, dir)
	if _, r := c.checked(t, bare, "fresh"); r.code != 12 || !strings.Contains(r.stderr, "tampered") {
		t.Errorf("a copy with other bytes: exit code %d: %s", r.code, r.stderr)
	}
	if r := host.try("oarlock", "install", "acme/hello", "--dir", "other", "--key", "acme.pub", "--catalog-state", "fresh2"); r.code != 12 {
		t.Errorf("install from it: exit code %d: %s", r.code, r.stderr)
	}
}

// tamper flips one bit of a shard where distribution keeps it.
func tamper(t *testing.T, c *client, bare, dir string) {
	t.Helper()
	var m struct {
		Layers []struct {
			Digest      string            `json:"digest"`
			Annotations map[string]string `json:"annotations"`
		} `json:"layers"`
	}
	if err := json.Unmarshal([]byte(c.run("oras", "manifest", "fetch", "--plain-http", bare+"/oarlock/catalog:latest")), &m); err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers {
		if !strings.Contains(l.Annotations["org.opencontainers.image.title"], "shard") {
			continue
		}
		hex := strings.TrimPrefix(l.Digest, "sha256:")
		path := filepath.Join(dir, "docker/registry/v2/blobs/sha256", hex[:2], hex, "data")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		raw[len(raw)/2] ^= 1
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no shard")
}
