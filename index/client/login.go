package client

import (
	"cmp"
	"context"
	"fmt"

	"github.com/oarlock/oarlock/artifact/logins"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// StoredLogin is an Options.Login that reads the store of docker, oras and
// oarlock: what oarlock login wrote. A host without a login has "".
func StoredLogin(ctx context.Context, host string) (token string, err error) {
	store, err := logins.Open()
	if err != nil {
		return "", err
	}
	held, err := credentials.Credential(store)(ctx, host)
	if err != nil {
		return "", fmt.Errorf("credentials: %s: %w", host, err)
	}
	return cmp.Or(held.Password, held.RefreshToken), nil
}

// token is what the calls of c are made with; "" is nobody.
func (c *Client) token(ctx context.Context) (string, error) {
	if c.options.Token != "" || c.options.Login == nil {
		return c.options.Token, nil
	}
	return c.options.Login(ctx, c.Host())
}
