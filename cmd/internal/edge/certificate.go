package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/clock"
)

// A Certificate is the one of the newest files that could be used. It is safe
// for concurrent use; connections that stand keep what they began with.
type Certificate struct {
	cert, key string // paths
	log       *slog.Logger
	now       func() time.Time
	current   atomic.Pointer[loaded]
	broken    atomic.Bool // the files are worse than what serves

	mu     sync.Mutex // one reload at a time
	failed string     // why the last one failed, so that it is said once
}

type loaded struct {
	pair        tls.Certificate
	certPEM     []byte
	keyPEM      []byte
	until       time.Time
	fingerprint string
}

// OpenCertificate reads a certificate chain and its key, PEM both. at says how
// long they are good.
func OpenCertificate(cert, key string, at clock.Clock, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key, log: log, now: at.Now}
	l, err := c.load()
	if err != nil {
		return nil, err
	}
	c.current.Store(l)
	return c, nil
}

func (c *Certificate) load() (*loaded, error) {
	certPEM, err := bounded.ReadFile(c.cert, bounded.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	keyPEM, err := bounded.ReadFile(c.key, bounded.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate: key: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("certificate: %s with key %s: %w", c.cert, c.key, err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("certificate: %s: %w", c.cert, err)
	}
	return &loaded{pair: pair, certPEM: certPEM, keyPEM: keyPEM, until: leaf.NotAfter, fingerprint: fmt.Sprintf("%X", leaf.SerialNumber)}, nil
}

// Reload reads the files again. Where they cannot be used, or have expired
// while what serves has not, what serves stays, and the error says why.
func (c *Certificate) Reload(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.current.Load()
	l, err := c.load()
	if err == nil && c.now().After(l.until) && !c.now().After(was.until) {
		err = fmt.Errorf("certificate: %s: it expired on %s: %w", c.cert, l.until.UTC().Format(time.RFC3339), artifact.ErrInvalid)
	}
	if err != nil {
		c.broken.Store(true)
		if c.failed != err.Error() {
			c.failed = err.Error()
			c.log.ErrorContext(ctx, "tls: the earlier certificate stays", "expires", was.until.UTC(), "err", err)
		}
		return err
	}
	c.broken.Store(false)
	c.failed = ""
	if bytes.Equal(l.certPEM, was.certPEM) && bytes.Equal(l.keyPEM, was.keyPEM) {
		return nil
	}
	c.current.Store(l)
	c.log.InfoContext(ctx, "tls: another certificate serves", "expires", l.until.UTC(), "serial", l.fingerprint)
	return nil
}

// Watch reloads at every tick until ctx ends: certificates are replaced by
// programs that know of no signal. What is wrong is logged once.
func (c *Certificate) Watch(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			_ = c.Reload(ctx) // it logged what is wrong
		}
	}
}

// aead are the suites of TLS 1.2 with forward secrecy and authenticated
// encryption (RFC 9325, 4.2). Those of TLS 1.3 all have both.
var aead = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// Config is for servers: TLS 1.2 at least with AEAD suites only, HTTP/2 where
// the client speaks it.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		CipherSuites: aead,
		NextProtos:   []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &c.current.Load().pair, nil
		},
	}
}

// Register tells metrics when the certificate ends, and whether its files are
// worse than what serves.
func (c *Certificate) Register(metrics prometheus.Registerer) {
	metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_tls_certificate_expiry_timestamp_seconds",
			Help: "When the certificate that serves expires."}, func() float64 { return float64(c.current.Load().until.Unix()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_tls_certificate_files_broken",
			Help: "1 while the files of the certificate cannot be used and an earlier one serves."}, func() float64 {
			if c.broken.Load() {
				return 1
			}
			return 0
		}))
}
