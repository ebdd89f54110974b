package config

import (
	"crypto/tls"
	"fmt"
	"github.com/oarlock/oarlock/index/auth"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/oarlock/oarlock/cmd/internal/edge"
	"github.com/oarlock/oarlock/policy/entitlement"
	"github.com/oarlock/oarlock/policy/trust"
)

// Validate returns a *Error with every problem of c, or nil. It reads
// the files that c names, and opens nothing else.
func (c *Config) Validate() error {
	var problems []string
	problem := func(key, format string, args ...any) {
		problems = append(problems, redact(key+": "+fmt.Sprintf(format, args...)))
	}
	if c.Data == "" {
		problem("data", "empty, expected a directory")
	}
	c.validateAddress(problem)
	c.validateTLS(problem)
	c.validateAccounts(problem)
	c.validateBootstrap(problem)
	c.validateScrub(problem)
	c.validateMinimumAge(problem)
	c.validateOutbound(problem)
	c.validateWitnesses(problem)
	c.validateEdge(problem)
	c.validateSigning(problem)
	c.validateDrill(problem)
	c.validateQuotas(problem)
	if _, err := ParseStorage(c.Storage); err != nil {
		problem("storage", "%s", err)
	}
	if err := checkDB(c.DB); err != nil {
		problem("db", "%s", err)
	}
	if _, err := entitlement.NewTiers(c.Tiers); err != nil {
		problem("tiers", "%s", err)
	}
	if c.Trust != "" {
		if _, err := trust.Load(c.Trust); err != nil {
			problem("trust", "%s", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Namespaces)) {
		if name == "" || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.ToLower(name) != name {
			problem("namespaces", "%q: expected a publisher such as \"acme\", or a repository", name)
		}
	}
	if _, err := c.Log.level(); err != nil {
		problem("log.level", "%q: expected debug, info, warn or error", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		problem("log.format", "%q: expected text or json", c.Log.Format)
	}
	if c.GC.Every < 0 {
		problem("gc.every", "%s: expected 0 for never, or more", c.GC.Every)
	}
	positive := map[string]int64{"limits.body": c.Limits.Body, "limits.cache": c.Limits.Cache, "limits.read_header": int64(c.Limits.ReadHeader),
		"limits.idle": int64(c.Limits.Idle), "gc.grace": int64(c.GC.Grace), "limits.drain": int64(c.Limits.Drain), "limits.body_grace": int64(c.Limits.BodyGrace)}
	for _, key := range slices.Sorted(maps.Keys(positive)) {
		if positive[key] <= 0 {
			problem(key, "expected more than 0")
		}
	}
	if len(problems) > 0 {
		return &Error{problems}
	}
	return nil
}

// ValidateSite is Validate for what only reads or fills a site: where its
// bytes, its database and its trust policy are.
func (c *Config) ValidateSite() error {
	site := Default()
	site.Data, site.Storage, site.DB, site.Trust, site.Log, site.Limits = c.Data, c.Storage, c.DB, c.Trust, c.Log, c.Limits
	site.Bootstrap.RecoveryLifetime = c.Bootstrap.RecoveryLifetime
	site.PublicURL = "http://127.0.0.1" // nobody is served
	return site.Validate()
}

// validateQuotas refuses limits below zero, which would be none: 0 is none for
// the site, and -1 lifts one for a namespace.
func (c *Config) validateQuotas(problem problemFunc) {
	check := func(key string, q Quota, least int64, expected string) {
		for _, limit := range []struct {
			name string
			n    int64
		}{{"bytes", q.Bytes}, {"versions", q.Versions}, {"artifact_bytes", q.ArtifactBytes}, {"manifest_bytes", q.ManifestBytes}, {"layers", q.Layers}} {
			if limit.n < least {
				problem(key+"."+limit.name, "%d: expected %s", limit.n, expected)
			}
		}
	}
	check("quota", c.Quota, 0, "a limit, or 0 for none")
	for _, name := range slices.Sorted(maps.Keys(c.Namespaces)) {
		check("namespaces."+name+".quota", c.Namespaces[name].Quota, -1, "a limit, 0 for that of the site, or -1 for none")
	}
}

type problemFunc func(key, format string, args ...any)

func (c *Config) validateAddress(problem problemFunc) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		problem("listen", "%q: expected an address and port such as 127.0.0.1:7117", c.Listen)
	} else if c.Footing().OwnMachine && !edge.Loopback(host) {
		problem("dev", "needs no login, so it listens on loopback only, and listen is %q: use 127.0.0.1 or go without dev", c.Listen)
	}
	c.validateMetrics(problem)
	if c.PublicURL == "" {
		if c.Replicated() && !c.Footing().OwnMachine {
			problem("public_url", "empty, and replicas share logins: give all of them the URL under which clients reach any of them")
		}
		return
	}
	u, err := url.Parse(c.PublicURL)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		problem("public_url", "%q: expected a URL such as https://plugins.example.org", c.PublicURL)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		problem("public_url", "%q: expected scheme and host only; a registry is always at the root of its host", c.PublicURL)
	}
}

func (c *Config) validateTLS(problem problemFunc) {
	switch {
	case c.TLSCert == "" && c.TLSKey == "":
	case c.TLSCert == "":
		problem("tls_cert", "missing, and tls_key is set: give both or neither")
	case c.TLSKey == "":
		problem("tls_key", "missing, and tls_cert is set: give both or neither")
	default:
		if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
			problem("tls_cert", "%s", err)
		}
	}
}

func (l Log) level() (slog.Level, error) {
	var level slog.Level
	err := level.UnmarshalText([]byte(l.Level))
	return level, err
}

// Logger writes to stderr as l says. Whatever is logged, a path, an error or a
// message, a token in it is not: more can read a log than may use the token.
func (l Log) Logger(stderr io.Writer) *slog.Logger {
	level, _ := l.level()
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTokens}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(stderr, o))
	}
	return slog.New(slog.NewTextHandler(stderr, o))
}

// withoutTokens hides the secrets of tokens in what is logged.
func withoutTokens(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		if s := a.Value.String(); auth.HideTokens(s) != s {
			a.Value = slog.StringValue(auth.HideTokens(s))
		}
	case slog.KindAny:
		// The text of a value is what a log shows of it; in JSON too, for an error.
		if s := fmt.Sprint(a.Value.Any()); auth.HideTokens(s) != s {
			a.Value = slog.StringValue(auth.HideTokens(s))
		}
	}
	return a
}

func (c *Config) validateMetrics(problem problemFunc) {
	if c.Metrics == "" {
		return
	}
	host, port, err := net.SplitHostPort(c.Metrics)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	switch {
	case err != nil:
		problem("metrics", "%q: expected an address and port such as 127.0.0.1:9117, or nothing to answer /metrics on listen", c.Metrics)
	case c.Footing().OwnMachine && !edge.Loopback(host):
		problem("dev", "needs no login, so it listens on loopback only, and metrics is %q: use 127.0.0.1 or go without dev", c.Metrics)
	case c.Metrics == c.Listen && port != "0":
		problem("metrics", "%q: is listen too: give it a port of its own, or nothing to answer /metrics on listen", c.Metrics)
	}
}

func (c *Config) validateEdge(problem problemFunc) {
	for _, text := range c.TrustedProxies {
		if _, err := edge.ParseProxies([]string{text}); err != nil {
			problem("trusted_proxies", "%s", err)
		}
	}
	for key, n := range map[string]int64{"limits.connections": int64(c.Limits.Connections), "limits.connections_per_address": int64(c.Limits.ConnectionsPerAddress), "limits.unready": int64(c.Limits.Unready), "limits.reserve": c.Limits.Reserve, "limits.requests": int64(c.Limits.Requests), "limits.upload_rate": c.Limits.UploadRate, "limits.claims": int64(c.Limits.Claims), "limits.tokens": int64(c.Limits.Tokens)} {
		if n < 0 {
			problem(key, "%d: expected 0 for no limit, or more", n)
		}
	}
}
