package cli

import (
	"context"
	"net/url"
	"os"
	"slices"
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

// dockerHub are the names of one registry: docker's library asks the second,
// and oras's the third, for what people call the first.
var dockerHub = []string{"docker.io", "index.docker.io", "registry-1.docker.io"}

// sameHost reports whether two names are of one host.
func sameHost(a, b string) bool {
	return strings.EqualFold(a, b) || slices.Contains(dockerHub, a) && slices.Contains(dockerHub, b)
}

// envToken is the token of the environment where it is for host: it goes to the
// server that --server or OARLOCK_SERVER names and to nobody else; without such
// a server, to the one registry that the command names.
//
// A token that somebody set is never passed over in favour of a stored login: a
// host that the command names and that the token is not for is a usage error.
// "" without an error is a host that was not named, such as the registry that a
// catalog leads to, or a verb that has settled whom the token is for.
func (c *console) envToken(host, named string) (string, error) {
	token := os.Getenv(tokenEnv)
	switch {
	case token == "":
		return "", nil
	case sameHost(c.tokenHost, host), c.tokenHost == "" && sameHost(host, named):
		return token, nil
	case sameHost(host, named) && !c.tokenSettled:
		return "", usagef("%s is for %s, which --server or OARLOCK_SERVER names, and not for %s: say OARLOCK_SERVER=%s where the token is for it, or unset %s to use the stored login",
			tokenEnv, c.tokenHost, host, host, tokenEnv)
	}
	return "", nil
}

// serverNamedBy is what names the server of the catalog where neither a flag nor
// a variable does: whoever set a token did not say that it is for this server.
// "" is a server that was named, or the one on this machine.
func (c *console) serverNamedBy() string {
	switch {
	case c.tokenHost != "" || c.tokenSettled:
		return ""
	case c.recalled:
		return "the store"
	case c.server == "" && hostOf(defaultServer()) != hostOf(localServer):
		return "an earlier login"
	}
	return ""
}

// tokenUnnamed is the usage error of a token for a server that nobody named
// now; nil where a server was named, or no token is set.
func (c *console) tokenUnnamed(host string) error {
	by := c.serverNamedBy()
	switch {
	case by == "" || os.Getenv(tokenEnv) == "":
		return nil
	case c.signed.catalog != "":
		return usagef("%s is set, and only %s names the catalog %s: say that the token is for it with --catalog and --root, or unset %s to use the stored login",
			tokenEnv, by, c.signed.catalog, tokenEnv)
	}
	return usagef("%s is set, and only %s names the server %s: say that the token is for it with --server %s or OARLOCK_SERVER=%s, or unset %s to use the stored login",
		tokenEnv, by, host, host, host, tokenEnv)
}

// settleToken says that the token is for host, which the command asks, and not
// for the registries that host's answers lead to: those get stored logins.
func (c *console) settleToken(host string) error {
	if err := c.tokenUnnamed(host); err != nil {
		return err
	}
	if c.tokenHost == "" {
		c.tokenHost = host
	}
	return nil
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

// token is the login for a server of a catalog: of the environment, or of the
// store that oarlock login writes. "" is nobody. Errors are those of usage.
//
// The variable's token is never for a server that only an earlier login or a
// store named.
func (c *console) token(ctx context.Context, host string) (string, error) {
	if err := c.tokenUnnamed(host); err != nil {
		return "", err
	}
	return c.tokenAt(ctx, host)
}

// tokenAt is token for a server that the command line itself names.
func (c *console) tokenAt(ctx context.Context, host string) (string, error) {
	if t, err := c.envToken(host, host); t != "" || err != nil {
		return t, err
	}
	t, err := client.StoredLogin(ctx, host)
	if err != nil {
		return "", nil // a store that cannot be read holds no login
	}
	return t, nil
}

// tokenUser goes with a token as its password. Registries of this kind do not
// read it.
const tokenUser = "oarlock"

// logins finds the login of registries for a command that names one of them.
func (c *console) logins(named string) auth.CredentialFunc {
	return func(ctx context.Context, host string) (auth.Credential, error) {
		switch t, err := c.envToken(host, named); {
		case err != nil:
			return auth.EmptyCredential, err
		case t != "":
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
	switch t, err := k.console.envToken(at.RegistryStr(), k.named); {
	case err != nil:
		return nil, err
	case t != "":
		return authn.FromConfig(authn.AuthConfig{Username: tokenUser, Password: t}), nil
	}
	return authn.DefaultKeychain.Resolve(at)
}
