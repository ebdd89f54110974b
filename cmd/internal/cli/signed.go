package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/index/signed"
)

// The environment names a signed catalog for every call.
const (
	catalogEnv = "OARLOCK_CATALOG"
	rootEnv    = "OARLOCK_ROOT"
)

// signedFlags name a signed catalog that is asked in place of a server.
type signedFlags struct {
	catalog, root, state string
	serverGiven          bool // on the command line
}

// signed gives cmd the flags of a signed catalog.
func (c *console) addSigned(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.signed.catalog, "catalog", "", "`REGISTRY` whose signed catalog is asked in place of a server, also from "+catalogEnv)
	f.StringVar(&c.signed.root, "root", "", "`FILE` with the root of that catalog to trust, or its digest sha256:…, also from "+rootEnv)
	f.StringVar(&c.signed.state, "catalog-state", "", "`DIR` that remembers what was seen of that catalog")
}

// settle takes from the environment what the command line leaves open, and says
// whether there is a signed catalog to ask. A flag wins over the environment.
func (s *signedFlags) settle(server string) (bool, error) {
	switch {
	case s.catalog != "" && s.serverGiven:
		return false, usagef("--catalog and --server exclude each other: the signed catalog is read from its registry with no server")
	case s.catalog == "" && s.root != "" && os.Getenv(catalogEnv) == "":
		return false, usagef("--root came without --catalog: give the registry that holds the catalog")
	case s.catalog == "" && s.serverGiven:
		return false, nil
	case s.catalog == "" && os.Getenv(catalogEnv) != "" && server != "":
		return false, usagef("%s and OARLOCK_SERVER are both set: unset one, or say which with --catalog or --server", catalogEnv)
	case s.catalog == "":
		s.catalog = os.Getenv(catalogEnv)
	}
	if s.catalog == "" {
		return false, nil
	}
	if s.root == "" {
		s.root = os.Getenv(rootEnv)
	}
	if s.root == "" {
		return false, usagef("--catalog %s: whose catalog? give --root FILE or --root sha256:…, which the site's operator shows with \"oarlock catalog root show\"", s.catalog)
	}
	return true, nil
}

// openSigned reads the signed catalog.
func (c *console) openSigned(ctx context.Context) (*signed.Catalog, error) {
	pin, err := signed.ReadPin(c.signed.root)
	if err != nil {
		return nil, argument(err)
	}
	state := c.signed.state
	if state == "" {
		if state, err = defaultState(c.signed.catalog); err != nil {
			return nil, err
		}
	}
	return signed.OpenRemote(ctx, c.signed.catalog, c.repositories(ctx, registryOf(c.signed.catalog)), signed.Options{Root: pin, State: state})
}

func (c *console) repositories(ctx context.Context, host string) client.RepositoryOptions {
	return client.RepositoryOptions{HTTPClient: http.DefaultClient, UserAgent: c.userAgent(), PlainHTTP: c.plainHTTP,
		LoopbackTLS: c.loopbackTLS(ctx, host), Credential: c.logins(host)}
}

// defaultState is where this user remembers one catalog.
func defaultState(reference string) (string, error) {
	base, err := os.UserConfigDir()
	if err != nil {
		return "", usagef("where to remember what was seen of the catalog? give --catalog-state DIR (%s)", err)
	}
	sum := sha256.Sum256([]byte(reference))
	return filepath.Join(base, "oarlock", "catalogs", hex.EncodeToString(sum[:8])), nil
}

// catalog asks the signed catalog, where one is named, or the server.
func (c *console) catalog(ctx context.Context) (client.Catalog, error) {
	yes, err := c.signed.settle(c.server)
	if err != nil {
		return nil, err
	}
	if !yes {
		return c.serverCatalog(ctx)
	}
	at, err := c.openSigned(ctx)
	if err != nil {
		return nil, fmt.Errorf("catalog %s: %w", c.signed.catalog, err)
	}
	return at, nil
}
