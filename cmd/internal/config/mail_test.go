package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The server of letters is checked when the configuration is, and its password is
// in no output.
func TestMailIsChecked_K6(t *testing.T) {
	t.Parallel()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("rosebud\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := Default()
	good.Mail = Mail{Host: "smtp.example.org", TLS: "starttls", User: "oarlock", PasswordFile: password, From: "Oarlock <plugins@example.org>"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	if s, err := good.Mail.Server(); err != nil || s.Password != "rosebud" {
		t.Errorf("%+v %v", s, err)
	}
	if raw, err := json.Marshal(good.Hidden()); err != nil || strings.Contains(string(raw), "rosebud") {
		t.Errorf("%s %v", raw, err)
	}
	for want, change := range map[string]func(*Mail){
		"mail: host is missing":          func(m *Mail) { m.Host = "" },
		"mail: tls: none, and smtp":      func(m *Mail) { m.TLS = "none" },
		"mail: tls: \"ssl\"":             func(m *Mail) { m.TLS = "ssl" },
		"mail: from: \"nobody\"":         func(m *Mail) { m.From = "nobody" },
		"mail: password_file: ":          func(m *Mail) { m.PasswordFile = password + "x" },
		"mail: ca: ":                     func(m *Mail) { m.CA = password },
		"mail: user: missing, and there": func(m *Mail) { m.User = "" },
	} {
		bad := good
		change(&bad.Mail)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %s", err, want)
		}
	}
}
