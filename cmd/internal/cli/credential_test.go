package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// runWith runs the program in its own process and gives its output.
func runWith(t *testing.T, env []string, args ...string) (code int, out string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var both bytes.Buffer
	cmd := exec.Command(self)
	cmd.Args = append([]string{"oarlock"}, args...)
	cmd.Env = append(append(os.Environ(), "COSIGN_PASSWORD=", "DOCKER_CONFIG="+t.TempDir()), env...)
	cmd.Stdout, cmd.Stderr = &both, &both
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return exitOf(t, cmd), both.String()
}

// A registry that is not the one that the token is for never sees it. Proves K6.
func TestTheTokenGoesToNobodyElse_K6(t *testing.T) {
	t.Parallel()
	const secret = "oar_notForYou"
	var mu sync.Mutex
	var saw []string
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		mu.Lock()
		saw = append(saw, r.Header.Get("Authorization")+" "+password)
		mu.Unlock()
		w.Header().Set("WWW-Authenticate", `Basic realm="stranger"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer stranger.Close()
	host, dir := strings.TrimPrefix(stranger.URL, "http://"), t.TempDir()
	plugin, key := filepath.Join(dir, "hello"), filepath.Join(dir, "acme")
	for _, args := range [][]string{{"init", plugin, "--id", "acme/hello"}, {"key", "generate", key}} {
		if code, out := runWith(t, nil, args...); code != exitOK {
			t.Fatal(out)
		}
	}
	env := []string{"OARLOCK_TOKEN=" + secret, "OARLOCK_SERVER=https://plugins.example.org"}
	ref := host + "/acme/hello:0.1.0"
	for _, args := range [][]string{
		{"push", plugin, ref}, {"sign", ref, "--key", key + ".key"}, {"pull", ref, "-d", filepath.Join(dir, "x"), "--key", key + ".pub"},
		{"verify", ref, "--key", key + ".pub"}, {"push", plugin, ref, "--status"},
		{"attest", ref, "--key", key + ".key", "--type", "https://example.org/note", "--predicate", filepath.Join(plugin, "plugin.json")},
		{"ledger", "verify", host + "/oarlock/publishers:acme", "--key", key + ".pub"}, {"catalog", "check", "--catalog", host, "--root", "sha256:" + strings.Repeat("0", 64)},
		{"mirror", host, host + "/copy", "--repository", "acme/hello"},
	} {
		if code, out := runWith(t, env, args...); code != exitUsage || !strings.Contains(out, "OARLOCK_SERVER") {
			t.Errorf("%v: exit code %d, expected a usage error that names OARLOCK_SERVER: %s", args, code, out)
		}
	}
	mu.Lock()
	asked := len(saw)
	for _, s := range saw {
		if strings.Contains(s, secret) {
			t.Errorf("the stranger was sent %q", s)
		}
	}
	mu.Unlock()
	if asked == 0 {
		t.Error("nothing was asked")
	}
	// Where no server is named, it is for the registry that the command names.
	runWith(t, []string{"OARLOCK_TOKEN=" + secret, "OARLOCK_SERVER="}, "push", plugin, ref)
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(strings.Join(saw[asked:], "\n"), secret) {
		t.Errorf("the registry that push names was sent %q", saw[asked:])
	}
}

// selfSigned writes a certificate for loopback addresses, and its key.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// A registry with TLS on a loopback address is found to speak it, and its
// certificate is verified. Proves K6.
func TestTLSOnLoopback_K6(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	_, log := program(t, "serve", "--dev", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	url, problem := log.wait(regexp.MustCompile(`msg=listening.* url=(\S+)`), make(chan int))
	if problem != "" {
		t.Fatal(problem)
	}
	if _, problem := log.wait(regexp.MustCompile(`msg="catalog serves"()`), make(chan int)); problem != "" {
		t.Fatal(problem)
	}
	host := strings.TrimPrefix(url, "https://")
	plugin, acme := filepath.Join(dir, "hello"), filepath.Join(dir, "acme")
	trusted := []string{"SSL_CERT_FILE=" + cert, "OARLOCK_SERVER=" + host}
	for _, args := range [][]string{
		{"init", plugin, "--id", "acme/hello"}, {"key", "generate", acme},
		{"push", plugin, host + "/acme/hello:0.1.0", "--sign", "--key", acme + ".key"},
		{"verify", host + "/acme/hello:0.1.0", "--key", acme + ".pub"},
		{"pull", host + "/acme/hello:0.1.0", "-d", filepath.Join(dir, "got"), "--key", acme + ".pub"},
		{"push", plugin, host + "/acme/hello:0.1.0", "--plain-http=false"},
		{"install", "acme/hello", "--dir", filepath.Join(dir, "store"), "--key", acme + ".pub"},
		{"search"}, {"fsck"},
	} {
		if code, out := runWith(t, trusted, args...); code != exitOK {
			t.Errorf("%v: exit code %d: %s", args, code, out)
		}
	}
	if code, out := runWith(t, nil, "push", plugin, host+"/acme/hello:0.1.0"); code == exitOK || !strings.Contains(out, "certificate") {
		t.Errorf("a certificate that nobody vouches for: exit code %d: %s", code, out)
	}
}
