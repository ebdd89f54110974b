package cli

import (
	"cmp"
	"context"
	"os"

	"oras.land/oras-go/v2/registry/remote/credentials"
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
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return ""
	}
	held, err := credentials.Credential(store)(ctx, host)
	if err != nil {
		return "" // a store that cannot be read holds no login
	}
	return cmp.Or(held.Password, held.RefreshToken)
}
