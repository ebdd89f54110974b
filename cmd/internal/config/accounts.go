package config

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/quota"
)

// Quota is what a namespace may hold, and what one artifact may be. Zero does
// not limit.
type Quota struct {
	Bytes         int64 `koanf:"bytes" json:"bytes"`                    // of all that the namespace holds, unfinished uploads included
	Versions      int64 `koanf:"versions" unit:"count" json:"versions"` // version tags
	ArtifactBytes int64 `koanf:"artifact_bytes" json:"artifact_bytes"`  // one manifest with its layers
	ManifestBytes int64 `koanf:"manifest_bytes" json:"manifest_bytes"`  // the manifest alone
	Layers        int64 `koanf:"layers" unit:"count" json:"layers"`     // of one manifest
}

// Rate is how much one principal, or one address without a login, may
// ask for. Zero does not limit.
type Rate struct {
	PerSecond  float64 `koanf:"per_second" json:"per_second"`
	Burst      int     `koanf:"burst" unit:"count" json:"burst"`
	Logins     float64 `koanf:"logins" json:"logins"` // failed ones per second and address
	LoginBurst int     `koanf:"login_burst" unit:"count" json:"login_burst"`
}

// Audit says how long the audit log is kept.
type Audit struct {
	// Keep is after how long rows may go, at least minAuditKeep; 0 keeps all.
	Keep time.Duration `koanf:"keep" json:"keep"`
}

// minAuditKeep is how long every row stays.
const minAuditKeep = 180 * 24 * time.Hour

// MarshalJSON writes durations as text, such as "4320h0m0s".
func (a Audit) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"keep": a.Keep.String()})
}

// OIDC names the provider through which people log in; without an issuer
// there is none.
type OIDC struct {
	Issuer           string      `koanf:"issuer" json:"issuer"`
	ClientID         string      `koanf:"client_id" json:"client_id"`
	ClientSecretFile string      `koanf:"client_secret_file" json:"client_secret_file"`
	Grants           []OIDCGrant `koanf:"grants" json:"grants"`
}

// OIDCGrant gives a role to people for whom a claim has a value.
type OIDCGrant struct {
	Claim string `koanf:"claim" json:"claim"`
	Value string `koanf:"value" json:"value"`
	Role  string `koanf:"role" json:"role"` // admin, reviewer, operator, or a role@namespace
}

// QuotaOf are the limits of a namespace: its own, and else the site's.
func (c *Config) QuotaOf(namespace string) quota.Limits {
	own := c.Namespaces[namespace].Quota
	pick := func(own, site int64) int64 { return max(cmp.Or(own, site), 0) }
	return quota.Limits{
		Bytes: pick(own.Bytes, c.Quota.Bytes), Versions: pick(own.Versions, c.Quota.Versions),
		ArtifactBytes: pick(own.ArtifactBytes, c.Quota.ArtifactBytes), ManifestBytes: pick(own.ManifestBytes, c.Quota.ManifestBytes),
		Layers: int(pick(own.Layers, c.Quota.Layers)),
	}
}

func (c *Config) validateAccounts(problem problemFunc) {
	if c.Approvers != 1 && c.Approvers != 2 {
		problem("approvers", "%d: expected 2, or 1 at a site of one admin", c.Approvers)
	}
	if c.Publishing != "on" && c.Publishing != "off" {
		problem("publishing", "%q: expected on or off", c.Publishing)
	}
	switch {
	case c.Anonymous != "pull" && c.Anonymous != "catalog" && c.Anonymous != "none":
		problem("anonymous", "%q: expected pull, catalog or none", c.Anonymous)
	case c.Footing().AnyoneIsAdmin && c.Anonymous != "pull":
		problem("anonymous", "%s, and dev asks nobody for a login: leave one of them out", c.Anonymous)
	}
	if c.Audit.Keep != 0 && c.Audit.Keep < minAuditKeep {
		problem("audit.keep", "%s: expected 0 for ever, or %s (180 days) at least", c.Audit.Keep, minAuditKeep)
	}
	for _, rate := range []struct {
		key string
		n   float64
	}{{"per_second", c.Rate.PerSecond}, {"burst", float64(c.Rate.Burst)}, {"logins", c.Rate.Logins}, {"login_burst", float64(c.Rate.LoginBurst)}} {
		if !(rate.n >= 0) || math.IsInf(rate.n, 0) { // NaN is not below 0 either
			problem("rate."+rate.key, "%v: expected 0 for no limit, or more", rate.n)
		}
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); err == nil && c.PublicURL == "" && (host == "" || ip != nil && ip.IsUnspecified()) {
		problem("public_url", "missing, and listen is every address: clients are told where to log in, so give the URL under which they reach this server")
	}
	if _, err := c.OIDC.Options(c.Outbound); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			problem("oidc", "%s", line)
		}
	}
}

// Options reads the secret; nil means that there is no provider.
func (o OIDC) Options(reach Outbound) (*auth.ProviderOptions, error) {
	if o.Issuer == "" {
		if o.ClientID != "" || o.ClientSecretFile != "" || len(o.Grants) > 0 {
			return nil, fmt.Errorf("issuer is missing")
		}
		return nil, nil
	}
	var problems []error
	if u, err := url.Parse(o.Issuer); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		problems = append(problems, fmt.Errorf("issuer %q: expected a URL", o.Issuer))
	}
	if o.ClientID == "" {
		problems = append(problems, fmt.Errorf("client_id is missing"))
	}
	p := &auth.ProviderOptions{Issuer: o.Issuer, ClientID: o.ClientID}
	if out, err := reach.Options(); err == nil { // else it is said under its own key
		p.Reach = out
	}
	if o.ClientSecretFile != "" {
		raw, err := bounded.ReadFile(o.ClientSecretFile, bounded.Key)
		if err != nil {
			problems = append(problems, fmt.Errorf("client_secret_file: %w", err))
		}
		p.ClientSecret = strings.TrimSpace(string(raw))
	}
	for _, g := range o.Grants {
		grant, err := auth.ParseGrant(g.Role)
		if err != nil {
			problems = append(problems, fmt.Errorf("grants: %w", err))
			continue
		}
		rule := auth.GrantRule{Claim: g.Claim, Value: g.Value, Grant: grant}
		if err := rule.Check(); err != nil {
			problems = append(problems, fmt.Errorf("grants: %w", err))
		}
		p.Grants = append(p.Grants, rule)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return p, nil
}
