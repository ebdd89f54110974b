package cli

import (
	"context"
	"os"

	"github.com/oarlock/oarlock/index/client"
)

// tokenEnv holds the token that calls of the API are made with, before the
// login that docker and oras keep.
const tokenEnv = "OARLOCK_TOKEN"

// token is the login for a server: of the environment, or of the store that
// oarlock login writes. "" is nobody.
func (c *console) token(ctx context.Context, host string) string {
	if t := os.Getenv(tokenEnv); t != "" {
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
