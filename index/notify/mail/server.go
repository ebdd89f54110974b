package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/oarlock/oarlock/artifact"
)

// Security is how a connection to the server is kept from others.
type Security string

// The securities.
const (
	StartTLS Security = "starttls" // the connection is encrypted before anything is said; never without
	Implicit Security = "implicit" // TLS from the first byte
	// NonePlain encrypts nothing: for a server on this machine alone.
	NonePlain Security = "none"
)

// A Server is where letters are given to. Check says whether it can be used.
type Server struct {
	Host string
	Port int // 0 is 587, or 465 with Implicit
	TLS  Security
	// User and Password log in; without a User there is no login.
	User, Password string
	// From is the sender: an address, or a name with one.
	From string
	// Roots are whom the server's certificate is trusted by; nil are the system's.
	Roots *x509.CertPool
}

// sendTimeout bounds one letter from the first byte to the last.
const sendTimeout = time.Minute

// Check refuses a server that cannot be used. Errors wrap artifact.ErrInvalid.
func (s Server) Check() error {
	var wrong []error
	bad := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf(format+": %w", append(args, artifact.ErrInvalid)...))
	}
	if s.Host == "" || strings.ContainsAny(s.Host, " /@\r\n") || strings.Contains(s.Host, ":") && net.ParseIP(s.Host) == nil {
		bad("host: %.80q: expected a name or an address without a port", s.Host)
	}
	if s.Port < 0 || s.Port > 65535 {
		bad("port: %d: expected 1 to 65535, or nothing", s.Port)
	}
	switch s.TLS {
	case StartTLS, Implicit:
	case NonePlain:
		if !loopback(s.Host) {
			bad("tls: none, and %s is another machine: expected starttls or implicit", s.Host)
		}
	default:
		bad("tls: %.40q: expected starttls, implicit, or none for a server on this machine", string(s.TLS))
	}
	if _, err := s.sender(); err != nil {
		wrong = append(wrong, err)
	}
	if s.Password != "" && s.User == "" {
		bad("user: missing, and there is a password")
	}
	return errors.Join(wrong...)
}

func (s Server) sender() (*mail.Address, error) {
	from, err := mail.ParseAddress(s.From)
	if err != nil || strings.ContainsAny(s.From, "\r\n") {
		return nil, fmt.Errorf("from: %.80q: expected an address such as \"Oarlock <plugins@example.org>\": %w", s.From, artifact.ErrInvalid)
	}
	return from, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A refusal is why a letter was not taken.
type refusal struct {
	code     int
	enhanced string
	text     string
	// at is whom it is about.
	at party
}

type party int

const (
	// The zero party is the server: what every letter would meet.
	_ party = iota
	// ofOne is what this letter met, now.
	ofOne
	// ofAddress and ofLetter are for good: there is no such mailbox, or the letter
	// is not taken.
	ofAddress
	ofLetter
)

func (r *refusal) Error() string { return r.text }

// send gives a letter to the server. An error is a *refusal.
func (s Server) send(ctx context.Context, letter *gomail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	client, hangUp, err := s.client()
	if err != nil {
		return &refusal{text: err.Error()}
	}
	defer hangUp()
	defer context.AfterFunc(ctx, hangUp)()
	to, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return &refusal{text: words(ctx, "smtp "+s.Host, err)}
	}
	err = client.SendWithSMTPClient(to, letter)
	if letter.IsDelivered() {
		_ = client.CloseWithSMTPClient(to) // it was taken, whatever follows
		return nil
	}
	var refused *gomail.SendError
	if !errors.As(err, &refused) {
		return &refusal{text: words(ctx, "smtp "+s.Host, err)}
	}
	return refusalOf(refused, words(ctx, "smtp "+s.Host, err))
}

func words(ctx context.Context, what string, err error) string {
	if cause := context.Cause(ctx); cause != nil {
		return what + ": " + cause.Error()
	}
	return what + ": " + err.Error()
}

// refusalOf says whom a refusal is about. What a server says of policies, logins or
// itself says nothing of the address.
func refusalOf(e *gomail.SendError, text string) *refusal {
	r := &refusal{code: e.ErrorCode(), enhanced: e.EnhancedStatusCode(), text: text}
	if r.code >= 400 && r.code < 500 {
		r.at = ofOne
		return r
	}
	switch e.Reason {
	case gomail.ErrSMTPRcptTo:
		r.at = ofOne
		class, _, _ := strings.Cut(strings.TrimPrefix(r.enhanced, "5."), ".")
		known := r.code == 550 || r.code == 551 || r.code == 553 || r.code == 556
		if r.code >= 500 && class == "1" || r.code >= 500 && class == "2" || r.enhanced == "" && known {
			r.at = ofAddress
		}
	case gomail.ErrSMTPData, gomail.ErrSMTPDataClose, gomail.ErrWriteContent:
		r.at = ofOne
		if r.code >= 500 {
			r.at = ofLetter
		}
	}
	return r
}

// logins are in which ways it is logged in, the best first. The connection was made
// by client, which is encrypted or stays on this machine: "no encryption" is what
// the library takes a connection for that it did not encrypt itself.
var logins = gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc, gomail.SMTPAuthCramMD5)

// client makes one for one connection, and what ends that.
func (s Server) client() (*gomail.Client, func(), error) {
	line := &line{}
	conf := &tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	o := []gomail.Option{gomail.WithTimeout(sendTimeout / 2), gomail.WithTLSConfig(conf)}
	port := 587
	dial := (&net.Dialer{}).DialContext
	switch s.TLS {
	case Implicit:
		port = 465
		dial = (&tls.Dialer{Config: conf}).DialContext
		o = append(o, gomail.WithSSL())
	case StartTLS:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.Port != 0 {
		port = s.Port
	}
	if s.User != "" {
		o = append(o, logins, gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}
	o = append(o, gomail.WithPort(port), gomail.WithDialContextFunc(line.by(dial)))
	client, err := gomail.NewClient(s.Host, o...)
	return client, line.close, err
}
