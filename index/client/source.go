package client

import (
	"context"
	"fmt"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/logins"
	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/artifact/quirk"
	"github.com/oarlock/oarlock/index"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"
)

// A Catalog answers what a host asks. A Client does so by the HTTP API; the
// signed catalog of package index/signed with no index service, from any
// registry that holds a copy. Errors are of the same kinds.
type Catalog interface {
	// Search answers one page of the plugins that q finds.
	Search(ctx context.Context, q index.Query) (*index.Page, error)
	// Show answers one plugin whole. Of q the host filters count.
	Show(ctx context.Context, id artifact.Name, q index.Query) (*index.Detail, error)
	// Version answers one version of a plugin.
	Version(ctx context.Context, id artifact.Name, v artifact.Version) (*index.VersionDetail, error)
	// Why says of each version whether it is in the answer to q, and the reasons
	// where it is not.
	Why(ctx context.Context, id artifact.Name, q index.Query) (*index.Why, error)
	// Resolve answers the closure of r in dependency order.
	Resolve(ctx context.Context, r index.ResolveRequest) (*index.Resolution, error)
}

var _ Catalog = (*Client)(nil)

// RepositoryOptions say how registries are asked. The zero value works.
type RepositoryOptions struct {
	// HTTPClient sends the requests; nil is a client that retries what may pass.
	HTTPClient *http.Client
	// UserAgent names the host application.
	UserAgent string
	// PlainHTTP uses http for registries that are not on a loopback address.
	PlainHTTP bool
	// LoopbackTLS speaks https to loopback addresses, as to all others.
	LoopbackTLS bool
	// Credential finds the login of a registry; nil asks the store that docker
	// and oras write.
	Credential auth.CredentialFunc
}

// dial is a client that logs in where a registry asks for it.
func (o *RepositoryOptions) dial() (*auth.Client, error) {
	if o.HTTPClient == nil {
		o.HTTPClient = newHTTPClient()
		o.HTTPClient.Transport = retry.NewTransport(o.HTTPClient.Transport)
	}
	if o.Credential == nil {
		store, err := logins.Open()
		if err != nil {
			return nil, err
		}
		o.Credential = credentials.Credential(store)
	}
	client := &auth.Client{Client: o.HTTPClient, Credential: o.Credential, Cache: auth.NewCache()}
	if o.UserAgent != "" {
		client.SetUserAgent(o.UserAgent)
	}
	return client, nil
}

// newHTTPClient asks servers that the user named. How slowly they may answer
// is bounded, and callers bound how much.
func newHTTPClient() *http.Client {
	return outbound.New(outbound.Options{AnyAddressUnsafe: true, Proxy: http.ProxyFromEnvironment, Redirects: 8, Timeout: -1, Bytes: -1})
}

// OpenRepository reads one repository of any OCI registry, such as
// registry.example.org/mirror/acme/hello. Nothing is asked yet. What it gives
// matches its digest, and bytes that do not are never given: such an error
// wraps artifact.ErrUnverified, one for more bytes than asked ErrInvalid.
func OpenRepository(name string, o RepositoryOptions) (Evidence, error) {
	ref, err := registry.ParseReference(name)
	if err != nil || ref.Reference != "" {
		return nil, fmt.Errorf("repository %q: expected one such as registry.example.org/acme/hello: %w", name, artifact.ErrInvalid)
	}
	client, err := o.dial()
	if err != nil {
		return nil, err
	}
	return openRepository(ref, client, o.plain(ref.Registry))
}

// plain reports whether a registry is asked without TLS.
func (o *RepositoryOptions) plain(host string) bool {
	return o.PlainHTTP || !o.LoopbackTLS && isLoopback(host)
}

func openRepository(ref registry.Reference, client *auth.Client, plainHTTP bool) (*repository, error) {
	repo, err := remote.NewRepository(ref.Registry + "/" + ref.Repository)
	if err != nil {
		return nil, fmt.Errorf("repository %q: %s: %w", ref.Repository, err, artifact.ErrInvalid)
	}
	repo.Client = client
	repo.PlainHTTP = plainHTTP
	quirk.Bound(repo)
	return &repository{name: ref.Registry + "/" + ref.Repository, remote: repo}, nil
}
