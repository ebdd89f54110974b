package remote

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/logins"
	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/artifact/quirk"
)

// Options says how a registry is spoken to. The zero Options work.
type Options struct {
	// PlainHTTP speaks http to a registry that is not on a loopback address,
	// where http is always used.
	PlainHTTP bool
	// LoopbackTLS speaks https to loopback addresses, as to all others.
	LoopbackTLS bool
	// Credential finds the login of a registry; nil asks the store that docker
	// and oras write.
	Credential auth.CredentialFunc
	// HTTPClient sends the requests; nil is a client that tries again what may
	// pass. Give one client to many calls: it keeps connections.
	HTTPClient *http.Client
	// UserAgent names the program.
	UserAgent string
	// Concurrency is how many blobs travel at once; 0 is 4.
	Concurrency int
	// Progress, if any, is told what happens, from several goroutines at once.
	Progress func(Event)
}

// A Step is what happened to one blob or manifest.
type Step string

// The steps of one blob or manifest.
const (
	Started Step = "started"
	Sending Step = "sending" // Event.Bytes more are on their way
	Done    Step = "done"
	Present Step = "present" // the registry had it already
)

// An Event is one step of a push.
type Event struct {
	Step       Step
	Descriptor ocispec.Descriptor
	Bytes      int64
}

// Open gives the repository of ref ("registry/publisher/plugin", with or
// without :tag or @digest), to be used with oras-go. Nothing is sent yet.
// Errors wrap ErrInvalid where ref does not parse.
func Open(ref string, o Options) (*remote.Repository, registry.Reference, error) {
	parsed, err := registry.ParseReference(quirk.Reference(ref))
	if err != nil {
		return nil, parsed, fmt.Errorf("reference %q: expected registry/publisher/plugin:tag or @sha256:…: %s: %w", ref, err, artifact.ErrInvalid)
	}
	credential := o.Credential
	if credential == nil {
		store, err := logins.Open()
		if err != nil {
			return nil, parsed, err
		}
		credential = credentials.Credential(store)
	}
	client := &auth.Client{Client: o.HTTPClient, Credential: credential, Cache: auth.NewCache()}
	if client.Client == nil {
		client.Client = defaultClient
	}
	if o.UserAgent != "" {
		client.SetUserAgent(o.UserAgent)
	}
	repo := &remote.Repository{
		Client:    client,
		Reference: registry.Reference{Registry: parsed.Registry, Repository: parsed.Repository},
		PlainHTTP: o.PlainHTTP || !o.LoopbackTLS && Loopback(parsed.Registry),
	}
	quirk.Bound(repo)
	return repo, parsed, nil
}

// defaultClient asks registries that the user named, by the proxy of the
// user's environment. How slowly they may answer is bounded.
var defaultClient = Client(outbound.Options{AnyAddressUnsafe: true, Proxy: http.ProxyFromEnvironment})

// Client makes a client of registries by o that tries again what may pass. A
// registry may lead to the storage behind it, and blobs take their time and
// have the size that their descriptors say: pace and callers bound those.
func Client(o outbound.Options) *http.Client {
	o.Redirects, o.Timeout, o.Bytes = 8, -1, -1
	client := outbound.New(o)
	client.Transport = retry.NewTransport(client.Transport)
	return client
}

// Loopback reports whether host, with or without a port, is this machine.
func Loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
