package cli

import (
	"context"
	"net/url"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"

	"github.com/oarlock/oarlock/artifact/logins"
	"github.com/oarlock/oarlock/index/client"
)

// tokenEnv holds the token that the API and registries are called with, before
// the login that docker and oras keep.
const tokenEnv = "OARLOCK_TOKEN"

// noHost is no host's name.
const noHost = "-"

// envToken is the token of the environment where it is for host: it goes to the
// server that --server or OARLOCK_SERVER names and to nobody else; without such
// a server, to the one registry that the command names.
func (c *console) envToken(host, named string) string {
	if c.tokenHost != "" {
		named = c.tokenHost
	}
	if host != named {
		return ""
	}
	return os.Getenv(tokenEnv)
}

// hostOf is the host, with port, of a server's URL.
func hostOf(server string) string {
	if !strings.Contains(server, "://") {
		server = "//" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return u.Host
}

// registryOf is the registry of a reference, or of a registry with a folder.
func registryOf(reference string) string {
	host, _, _ := strings.Cut(reference, "/")
	return host
}

// token is the login for a server: of the environment, or of the store that
// oarlock login writes. "" is nobody.
//
// The variable's token is never for a server that only an earlier login named.
func (c *console) token(ctx context.Context, host string) string {
	named := c.server != "" || defaultServer() == localServer
	if t := c.envToken(host, host); t != "" && (named || c.tokenHost != "") {
		return t
	}
	t, err := client.StoredLogin(ctx, host)
	if err != nil {
		return "" // a store that cannot be read holds no login
	}
	return t
}

// login is token for the catalog's client.
func (c *console) login(ctx context.Context, host string) (string, error) {
	return c.token(ctx, host), nil
}

// tokenUser goes with a token as its password. Registries of this kind do not
// read it.
const tokenUser = "oarlock"

// logins finds the login of registries for a command that names one of them.
func (c *console) logins(named string) auth.CredentialFunc {
	return func(ctx context.Context, host string) (auth.Credential, error) {
		if t := c.envToken(host, named); t != "" {
			return auth.Credential{Username: tokenUser, Password: t}, nil
		}
		store, err := logins.Open()
		if err != nil {
			return auth.EmptyCredential, err
		}
		return credentials.Credential(store)(ctx, host)
	}
}

// keychain is logins for go-containerregistry, which cosign's library uses.
type keychain struct {
	console *console
	named   string
}

func (k keychain) Resolve(at authn.Resource) (authn.Authenticator, error) {
	if t := k.console.envToken(at.RegistryStr(), k.named); t != "" {
		return authn.FromConfig(authn.AuthConfig{Username: tokenUser, Password: t}), nil
	}
	return authn.DefaultKeychain.Resolve(at)
}
