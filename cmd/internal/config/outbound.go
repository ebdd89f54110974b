package config

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/oarlock/oarlock/artifact/outbound"
)

// Outbound says what this server may reach besides public addresses, where it
// asks what others chose: the token service or the storage that a registry of
// repair_from names, the keys that a provider names. The hosts of repair_from
// and of oidc.issuer may be anywhere, since the operator wrote them.
type Outbound struct {
	// Hosts may be anywhere, this machine included.
	Hosts []string `koanf:"hosts" json:"hosts"`
	// Networks such as 10.0.0.0/8.
	Networks []string `koanf:"networks" json:"networks"`
	// Proxy is the URL of an HTTP proxy. None is taken from the environment.
	Proxy string `koanf:"proxy" json:"proxy"`
}

// Options are those of guarded clients. Errors name what is wrong.
func (o Outbound) Options() (outbound.Options, error) {
	var out outbound.Options
	for _, h := range o.Hosts {
		if h == "" || strings.ContainsAny(h, "/@ ") || strings.Contains(h, ":") && !strings.Contains(h, "::") {
			return out, fmt.Errorf("hosts: %q: expected a name or an address without a port", h)
		}
		out.Hosts = append(out.Hosts, h)
	}
	for _, n := range o.Networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return out, fmt.Errorf("networks: %q: expected a network such as 10.0.0.0/8", n)
		}
		out.Networks = append(out.Networks, p)
	}
	if o.Proxy != "" {
		u, err := url.Parse(o.Proxy)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return out, fmt.Errorf("proxy: expected a URL such as http://proxy.example.org:3128")
		}
		out.Proxy = http.ProxyURL(u)
	}
	return out, nil
}

// validateOutbound looks at whom this server asks, its mail server among them.
func (c *Config) validateOutbound(problem problemFunc) {
	if _, err := c.Outbound.Options(); err != nil {
		problem("outbound", "%s", err)
	}
	c.validateMail(problem)
}
