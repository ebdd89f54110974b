package config

import (
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/index/notify/mail"
)

// Mail is where letters are given to; without a host the site sends none.
type Mail struct {
	Host string `koanf:"host" json:"host"`
	// Port is 587 where it is 0, or 465 with implicit TLS.
	Port int `koanf:"port" unit:"count" json:"port"`
	// TLS is starttls, implicit, or none for a server on this machine.
	TLS          string `koanf:"tls" json:"tls"`
	User         string `koanf:"user" json:"user"`
	PasswordFile string `koanf:"password_file" json:"password_file"`
	// From is the sender, as Oarlock <plugins@example.org>.
	From string `koanf:"from" json:"from"`
	// CA is a file with the certificates of those who may vouch for the server;
	// empty are the system's.
	CA string `koanf:"ca" json:"ca"`
}

// Server reads the files that m names; nil means that the site sends no letters.
// Errors name what is wrong.
func (m Mail) Server() (*mail.Server, error) {
	if m.Host == "" {
		if rest := (Mail{TLS: m.TLS}); m != rest {
			return nil, fmt.Errorf("host is missing")
		}
		return nil, nil
	}
	s := &mail.Server{Host: m.Host, Port: m.Port, TLS: mail.Security(m.TLS), User: m.User, From: m.From}
	if m.PasswordFile != "" {
		raw, err := bounded.ReadFile(m.PasswordFile, bounded.Key)
		if err != nil {
			return nil, fmt.Errorf("password_file: %w", err)
		}
		s.Password = strings.TrimSpace(string(raw))
	}
	if m.CA != "" {
		raw, err := bounded.ReadFile(m.CA, bounded.Key)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		s.Roots = x509.NewCertPool()
		if !s.Roots.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("ca: %s: expected certificates in PEM", m.CA)
		}
	}
	return s, s.Check()
}

func (c *Config) validateMail(problem problemFunc) {
	if _, err := c.Mail.Server(); err != nil {
		for line := range strings.Lines(err.Error()) {
			problem("mail", "%s", strings.TrimSpace(line))
		}
	}
}
