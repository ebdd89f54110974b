package edge

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact/clock"
)

// writePair writes a certificate of a serial number, and its key.
func writePair(t *testing.T, dir string, serial int64, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// serveTLS serves over c and gives a function that shakes hands and says the
// serial number that came.
func serveTLS(t *testing.T, c *Certificate) (address string, serial func() int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{TLSConfig: c.Config(), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go server.ServeTLS(listener, "", "")
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String(), func() int64 {
		t.Helper()
		conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
}

// K6: what cannot be used never replaces what can, and the log and metrics say so.
func TestACertificateIsReplacedWhileServing_K6(t *testing.T) {
	t.Parallel()
	dir, hour := t.TempDir(), time.Now().Add(time.Hour)
	writePair(t, dir, 1, hour)
	var log bytes.Buffer
	c, err := OpenCertificate(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), clock.Clock{}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	metrics := prometheus.NewRegistry()
	c.Register(metrics)
	_, serial := serveTLS(t, c)
	if got := serial(); got != 1 {
		t.Fatalf("serial %d", got)
	}
	writePair(t, dir, 2, hour.Add(time.Hour))
	if err := c.Reload(t.Context()); err != nil || serial() != 2 {
		t.Errorf("a new certificate: %v, serial %d", err, serial())
	}
	if got := gauge(t, metrics, "oarlock_tls_certificate_expiry_timestamp_seconds"); got != float64(hour.Add(time.Hour).Unix()) {
		t.Errorf("expiry %f", got)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for what, damage := range map[string]func(){
		"half a file":                      func() { os.WriteFile(filepath.Join(dir, "cert.pem"), whole[:len(whole)/2], 0o600) },
		"no file":                          func() { os.Remove(filepath.Join(dir, "cert.pem")) },
		"one that expired an hour ago":     func() { writePair(t, dir, 3, time.Now().Add(-time.Hour)) },
		"another certificate than the key": func() { writePair(t, dir, 4, hour); os.WriteFile(filepath.Join(dir, "cert.pem"), whole, 0o600) },
	} {
		damage()
		log.Reset()
		for range 2 {
			if c.Reload(t.Context()) == nil || serial() != 2 {
				t.Errorf("%s: serial %d serves", what, serial())
			}
		}
		if n := strings.Count(log.String(), "the earlier certificate stays"); n != 1 {
			t.Errorf("%s: logged %d times: %s", what, n, &log)
		}
		if gauge(t, metrics, "oarlock_tls_certificate_files_broken") != 1 {
			t.Errorf("%s: metrics say that the files are good", what)
		}
	}
	writePair(t, dir, 5, hour)
	tick, ended := make(chan time.Time), make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() { c.Watch(ctx, tick); close(ended) }()
	tick <- time.Time{}
	stop()
	<-ended
	if got := serial(); got != 5 || gauge(t, metrics, "oarlock_tls_certificate_files_broken") != 0 {
		t.Errorf("mended: serial %d", got)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writePair(t, dir, 1, time.Now().Add(time.Hour))
	c, err := OpenCertificate(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), clock.Clock{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	address, _ := serveTLS(t, c)
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version})
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

func gauge(t *testing.T, metrics *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric[0].Gauge.GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
