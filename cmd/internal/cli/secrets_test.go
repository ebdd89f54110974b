package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/app"
)

// Proves B7 and L3: a secret that was given by mistake is refused here, and no
// server sees it.
func TestSecretsAreNotSent_B7_L3(t *testing.T) {
	var asked atomic.Int32
	var last atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		last.Store(r.Method + " " + r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	dir := t.TempDir()
	token := app.GenerateToken()
	for name, kind := range map[string]string{"acme.key": "ENCRYPTED SIGSTORE PRIVATE KEY", "ec.pem": "EC PRIVATE KEY", "both.pem": "PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n-----BEGIN PRIVATE KEY"} {
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, "-----BEGIN %s-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", kind), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "trust.yaml"), []byte("namespaces: {acme: {signers: [{name: a, key: {file: ec.pem}}]}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", dir)
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("OARLOCK_TOKEN", app.GenerateToken())
	run := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := Main(append(args, "--server", server.URL), Streams{strings.NewReader(""), &out, &errs}, "v0.0.0-test")
		return code, out.String() + errs.String()
	}
	for _, row := range []struct {
		says string
		args []string
	}{
		{"acme.pub", []string{"publisher", "key", "add", "acme", filepath.Join(dir, "acme.key")}},
		{"holds a private key", []string{"publisher", "key", "add", "acme", filepath.Join(dir, "ec.pem")}},
		{"holds a private key", []string{"publisher", "key", "add", "acme", filepath.Join(dir, "both.pem")}},
		{"holds a private key", []string{"policy", "test", filepath.Join(dir, "trust.yaml")}},
		{"is a whole token", []string{"publisher", "members", "add", "acme", token}},
		{"is a whole token", []string{"publisher", "members", "remove", "acme", "person:" + token}},
		{"is a whole token", []string{"publisher", "transfer", "acme", token, "--yes"}},
		{"is a whole token", []string{"account", "create", token}},
		{"is a whole token", []string{"search", token}},
		{"cut or mistyped", []string{"token", "revoke", token[:len(token)-1] + "_", "--yes"}},
		{"expected oar_", []string{"token", "revoke", token[:30], "--yes"}},
	} {
		code, said := run(row.args...)
		if code != 2 || !strings.Contains(said, row.says) || strings.Contains(said, token) {
			t.Errorf("%q: exit code %d, %s", row.args[:2], code, said)
		}
		if n := asked.Swap(0); n != 0 {
			t.Errorf("%q: the server saw %d requests, the last %v", row.args[:2], n, last.Load())
		}
	}
	id := token[4:15]
	if code, said := run("token", "revoke", token, "--yes"); code != 0 || !strings.Contains(said, "revoked "+id) || last.Load() != "DELETE /api/v1/tokens/"+id {
		t.Errorf("a whole token: exit code %d, %s; the server saw %v", code, said, last.Load())
	}
}
