package config

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestConfigHidesSecrets_K6: in every text of a configuration and in every
// problem that quotes one; durations are text.
func TestConfigHidesSecrets_K6(t *testing.T) {
	t.Parallel()
	c := Default()
	c.DB = "postgres://oarlock:s3cret/x@db:5432/oarlock?sslpassword=s3cret&sslmode=require"
	c.Storage = "s3://bucket/p?region=x&secret_access_key=s3cret&access_key=s3cret"
	c.RepairFrom = []string{"https://s3cret@mirror.example.org"}
	c.OIDC.Issuer = "https://id:s3cret@id.example.org"
	c.PublicURL = "https://u:s3cret@plugins.example.org"
	setDurations(reflect.ValueOf(&c).Elem())
	raw, err := json.Marshal(c.Hidden())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "s3cret") || !strings.Contains(string(raw), "oarlock:xxxxx@db:5432") || !strings.Contains(string(raw), "region=x") {
		t.Errorf("shown: %s", raw)
	}
	if strings.Contains(string(raw), "5400000000000") || !strings.Contains(string(raw), "1h30m") {
		t.Errorf("a duration in nanoseconds: %s", raw)
	}
	if !strings.Contains(c.RepairFrom[0], "s3cret") {
		t.Error("what was shown hid what is used")
	}
	c.OIDC.Grants = []OIDCGrant{{Claim: "groups", Value: "x", Role: "boss"}, {Claim: "groups", Value: "y", Role: "chief"}}
	c.OIDC.ClientSecretFile = "/none"
	var bad *Error
	if err := c.Validate(); !errors.As(err, &bad) || strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("problems: %v", err)
	}
	for _, want := range []string{"client_id", "/none", "boss", "chief", "public_url"} {
		if !strings.Contains(bad.Error(), want) {
			t.Errorf("%q is not among the problems: %v", want, bad)
		}
	}
}

func setDurations(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		v.SetInt(int64(90 * time.Minute))
	} else if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			setDurations(v.Field(i))
		}
	}
}

func TestWarnings_B13(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		listen, url, cert string
		want              int
	}{
		"loopback": {"127.0.0.1:7117", "", "", 0}, "every address": {"0.0.0.0:7117", "http://plugins.example.org", "", 1},
		"a proxy speaks TLS": {"0.0.0.0:7117", "https://plugins.example.org", "", 0}, "TLS": {":443", "", "cert.pem", 0},
		"a public name over plain HTTP": {"127.0.0.1:7117", "http://plugins.example.org", "", 1},
	} {
		c := Default()
		c.Listen, c.PublicURL, c.TLSCert = row.listen, row.url, row.cert
		if got := c.Warnings(); len(got) != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Proves B5: the check of the configuration refuses roles for claims that
// people choose themselves, and says what to use.
func TestRolesForChosenClaimsAreRefused_B5(t *testing.T) {
	t.Parallel()
	c := Default()
	c.OIDC.Issuer, c.OIDC.ClientID = "https://id.example.org", "oarlock"
	c.OIDC.Grants = []OIDCGrant{{Claim: "nickname", Value: "admin", Role: "admin"}, {Claim: "groups", Value: "x", Role: "admin"}}
	text := problems(t, c.Validate())
	if !strings.Contains(text, `"nickname"`) || !strings.Contains(text, "such as groups") || strings.Count(text, "\n") > 0 {
		t.Errorf("problems:\n%s", text)
	}
}
