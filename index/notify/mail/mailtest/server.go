// Package mailtest is a real SMTP server in the process of a test.
package mailtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A Letter is what a Server was given.
type Letter struct {
	From, To string
	// Raw is as it came, and Header and Body what it says.
	Raw    string
	Header mail.Header
	Body   string
	// Encrypted says that the connection was, and User who logged in.
	Encrypted bool
	User      string
}

// Options of a Server. The zero Options take letters from everybody, in plain text.
type Options struct {
	// TLS offers STARTTLS, and Implicit is TLS from the first byte.
	TLS, Implicit bool
	// User and Password are wanted, where there is a User.
	User, Password string
}

// A Server takes letters. Its methods may be called at any time.
type Server struct {
	// Host, Port and Roots are how it is reached and trusted.
	Host  string
	Port  int
	Roots *x509.CertPool

	options Options
	smtp    *smtp.Server
	mu      sync.Mutex
	letters []Letter
	came    chan struct{}
	// rcpt and data answer for a recipient, or a letter.
	rcpt, data func(to string) error
	ended      bool
}

// New starts a server that the test's end stops.
func New(t *testing.T, o Options) *Server {
	t.Helper()
	s := &Server{options: o, came: make(chan struct{}, 1000)}
	s.start(t, "127.0.0.1:0")
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) start(t *testing.T, address string) {
	t.Helper()
	conf, roots := certificate(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr)
	s.Host, s.Port, s.Roots = at.IP.String(), at.Port, roots
	if s.options.Implicit {
		l = tls.NewListener(l, conf)
	}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, conn: c}, nil }))
	s.smtp.Domain, s.smtp.AllowInsecureAuth, s.smtp.ErrorLog = "mail.example.org", true, quiet{}
	if s.options.TLS {
		s.smtp.TLSConfig = conf
	}
	go func() { _ = s.smtp.Serve(l) }()
}

// quiet drops what the server would log.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// certificate is one for loopback, and who trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	h := httptest.NewTLSServer(nil)
	defer h.Close()
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	return &tls.Config{Certificates: h.TLS.Certificates, MinVersion: tls.VersionTLS12}, roots
}

// Stop has the server not answer any more.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		_ = s.smtp.Close()
	}
}

// Restart has it answer again, at the same address.
func (s *Server) Restart(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = false
	s.start(t, net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
}

// Answer sets how recipients and letters are answered; nil takes them. Refusals are
// made by Refuse.
func (s *Server) Answer(rcpt, data func(to string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rcpt, s.data = rcpt, data
}

// Refuse is an answer with a code and an enhanced one, as 550 and 5.1.1.
func Refuse(code int, enhanced [3]int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode(enhanced), Message: text}
}

// Letters are those that were taken.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter(nil), s.letters...)
}

// Next waits until there are n letters, and gives the last of these.
func (s *Server) Next(ctx context.Context, t *testing.T, n int) Letter {
	t.Helper()
	for {
		if all := s.Letters(); len(all) >= n {
			return all[n-1]
		}
		select {
		case <-s.came:
		case <-ctx.Done():
			t.Fatalf("%d letters came, expected %d", len(s.Letters()), n)
		}
	}
}

type session struct {
	s        *Server
	conn     *smtp.Conn
	user     string
	from, to string
}

func (c *session) AuthMechanisms() []string {
	if c.s.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != c.s.options.User || password != c.s.options.Password {
			return smtp.ErrAuthFailed
		}
		c.user = user
		return nil
	}), nil
}

func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if c.s.options.User != "" && c.user == "" {
		return smtp.ErrAuthRequired
	}
	c.from = from
	return nil
}

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = to
	return c.asked(c.s.rcpt)
}

func (c *session) asked(answer func(string) error) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(c.to)
}

func (c *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.s.mu.Lock()
	data := c.s.data
	c.s.mu.Unlock()
	if data != nil {
		if err := data(c.to); err != nil {
			return err
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return errors.New("no letter: " + err.Error())
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	_, encrypted := c.conn.TLSConnectionState()
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.letters = append(c.s.letters, Letter{From: c.from, To: c.to, Raw: string(raw), Header: m.Header, Body: decoded(string(body)),
		Encrypted: encrypted, User: c.user})
	c.s.came <- struct{}{}
	return nil
}

func (c *session) Reset() {}

func (c *session) Logout() error { return nil }

// decoded is a body without the soft line ends of quoted-printable.
func decoded(body string) string {
	return strings.NewReplacer("=\r\n", "", "=3D", "=", "\r\n", "\n").Replace(body)
}
