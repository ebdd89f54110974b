package client

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Options of a Client. The zero value works: no login, Go's default transport.
type Options struct {
	// HTTPClient sends the requests; nil is a client that bounds how slowly an
	// answer may come. Other deadlines come from each call's context.
	HTTPClient *http.Client
	// UserAgent names the host application.
	UserAgent string
	// Token is sent as a bearer token when it is not empty.
	Token string
	// Login gives the token for a host where Token is empty, such as
	// StoredLogin. It is asked before every call; "" is nobody, who knows of
	// public plugins only.
	Login func(ctx context.Context, host string) (token string, err error)
	// PlainHTTP allows http:// for servers that are not on a loopback address.
	PlainHTTP bool
}

// A Client asks one catalog server. It remembers the last answers by ETag and
// asks again conditionally. It is safe for concurrent use.
//
// Errors that the server answered are *index.Problem and wrap the artifact
// kind of their code; an error that wraps no kind means "could not tell".
type Client struct {
	base    *url.URL
	options Options
	answers answers
}

// defaultHTTPClient is shared, so that clients share connections.
var defaultHTTPClient = newHTTPClient()

// New makes a client of server, a URL such as https://plugins.example.org or a
// host with port. Without a scheme, loopback addresses are asked by HTTP and
// all others by HTTPS. Errors wrap artifact.ErrInvalid. Nothing is sent yet.
func New(server string, options Options) (*Client, error) {
	text := strings.TrimSpace(server)
	if !strings.Contains(text, "://") {
		scheme := "https"
		if host, _, _ := strings.Cut(text, "/"); isLoopback(host) || options.PlainHTTP {
			scheme = "http"
		}
		text = scheme + "://" + text
	}
	base, err := url.Parse(text)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("server %q: expected a URL such as https://plugins.example.org: %w", server, artifact.ErrInvalid)
	}
	switch {
	case base.Scheme == "https":
	case base.Scheme == "http" && (options.PlainHTTP || isLoopback(base.Host)):
	case base.Scheme == "http":
		return nil, fmt.Errorf("server %q: plain HTTP is for loopback addresses, use https or allow it (--plain-http): %w", server, artifact.ErrInvalid)
	default:
		return nil, fmt.Errorf("server %q: scheme %q, expected http or https: %w", server, base.Scheme, artifact.ErrInvalid)
	}
	if options.HTTPClient == nil {
		options.HTTPClient = defaultHTTPClient
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	return &Client{base: base, options: options}, nil
}

// Host is the server's host and port, where its registry is.
func (c *Client) Host() string { return c.base.Host }

// Search answers one page of the plugins that q finds.
func (c *Client) Search(ctx context.Context, q index.Query) (*index.Page, error) {
	page, err := get[index.Page](ctx, c, "/plugins", q.Values())
	if err == nil {
		err = oldEnough(q.MinimumAge, page.MinimumAge)
	}
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Show answers one plugin whole. Of q the host filters count.
func (c *Client) Show(ctx context.Context, id artifact.Name, q index.Query) (*index.Detail, error) {
	d, err := get[index.Detail](ctx, c, "/plugins/"+id.String(), q.HostFilters().Values())
	if err == nil {
		err = oldEnough(q.MinimumAge, d.MinimumAge)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Version answers one version of a plugin.
func (c *Client) Version(ctx context.Context, id artifact.Name, v artifact.Version) (*index.VersionDetail, error) {
	return get[index.VersionDetail](ctx, c, "/plugins/"+id.String()+"/versions/"+url.PathEscape(v.String()), nil)
}

// Why answers for each version of a plugin whether it is in the answer to q
// and the reasons where it is not. Of q the host filters count.
func (c *Client) Why(ctx context.Context, id artifact.Name, q index.Query) (*index.Why, error) {
	why, err := get[index.Why](ctx, c, "/plugins/"+id.String()+"/why", q.HostFilters().Values())
	if err == nil {
		err = oldEnough(q.MinimumAge, why.MinimumAge)
	}
	if err != nil {
		return nil, err
	}
	return why, nil
}

// Catalog answers the catalog in numbers.
func (c *Client) Catalog(ctx context.Context) (*index.Summary, error) {
	return get[index.Summary](ctx, c, "/catalog", nil)
}

// Resolve answers the closure of r in dependency order. Where there is none
// the error wraps artifact.ErrConflict and is an *index.Problem whose
// Explanation says why in sentences.
func (c *Client) Resolve(ctx context.Context, r index.ResolveRequest) (*index.Resolution, error) {
	answer, err := post[index.Resolution](ctx, c, "/resolve", r)
	if err != nil {
		return nil, err
	}
	if _, err := answered(r, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// isLoopback reports whether host, with or without a port, is this machine.
func isLoopback(host string) bool {
	u, err := url.Parse("//" + host)
	if err != nil {
		return false
	}
	name := u.Hostname()
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}
