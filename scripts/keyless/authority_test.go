//go:build keyless

package keyless

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An authority is a running service with what it is trusted by.
type authority struct {
	url     string
	pem     string // file with its certificates or public key
	process *process
}

// newLog starts a transparency log of its own key.
func newLog(t *testing.T) authority {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	secret := written(t, dir, "log.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	url, p := serve(t, "rekor-server", "/healthz", func(ports []string) []string {
		return []string{"serve", "--http-address", "127.0.0.1", "--http-port", ports[0], "--grpc-address", "127.0.0.1", "--grpc-port", ports[1],
			"--http-metrics-port", ports[2], "--storage-dir", filepath.Join(dir, "log"), "--signer-filepath", secret, "--hostname", "127.0.0.1",
			"--checkpoint-interval", "200ms", "--batch-max-age", "20ms"}
	})
	return authority{url, written(t, dir, "log.pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), p}
}

// newStamper starts a timestamp authority.
func newStamper(t *testing.T) authority {
	t.Helper()
	url, p := serve(t, "timestamp-server", "/api/v1/timestamp/certchain", func(ports []string) []string {
		return []string{"serve", "--host", "127.0.0.1", "--port", ports[0], "--timestamp-signer", "memory", "--disable-ntp-monitoring"}
	})
	return authority{url + "/api/v1/timestamp", fetched(t, url+"/api/v1/timestamp/certchain", "tsa.pem"), p}
}

// newCertifier starts a certificate authority that believes the issuers. It
// has no log of certificates.
func newCertifier(t *testing.T, issuers ...string) authority {
	t.Helper()
	dir := t.TempDir()
	type issuer struct{ IssuerURL, ClientID, Type string }
	believed := map[string]issuer{}
	for _, url := range issuers {
		believed[url] = issuer{url, "oarlock", "email"}
	}
	raw, err := json.Marshal(map[string]any{"OIDCIssuers": believed})
	if err != nil {
		t.Fatal(err)
	}
	config := written(t, dir, "fulcio.json", raw)
	url, p := serve(t, "fulcio", "/healthz", func(ports []string) []string {
		return []string{"serve", "--ca", "ephemeralca", "--ct-log-url", "", "--config-path", config, "--host", "127.0.0.1", "--port", ports[0],
			"--grpc-host", "127.0.0.1", "--grpc-port", ports[1], "--metrics-port", ports[2], "--legacy-unix-domain-socket", filepath.Join(dir, "fulcio.sock")}
	})
	return authority{url, fetched(t, url+"/api/v1/rootCert", "fulcio.pem"), p}
}

// newIssuer starts an OpenID provider.
func newIssuer(t *testing.T) authority {
	t.Helper()
	p := run(t, "oidc-provider", "--redirect", landing)
	var url string
	err := until(func() error {
		line, _, whole := strings.Cut(p.log.String(), "\n")
		if url = line; !whole {
			return os.ErrNotExist
		}
		return nil
	})
	if err != nil {
		t.Fatalf("oidc-provider: %v:\n%s", err, p.log)
	}
	return authority{url, "", p}
}

func fetched(t *testing.T, url, name string) string {
	t.Helper()
	raw, err := get(url)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, t.TempDir(), name, raw)
}

func written(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
