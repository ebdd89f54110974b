package lostkeys

import (
	"context"
	"fmt"

	"github.com/oarlock/oarlock/index/auth"
)

// MayIssue reports why no key of access tokens may be made: the database has
// accounts whose logins one signed. Where replicas share keys, those of a restored
// database are in its rows.
func MayIssue(ctx context.Context, dir string, files auth.KeyStore, db interface {
	auth.KeyStore
	Holds(context.Context) (auth.Holds, error)
}) error {
	keys, err := files.LoadKeys(ctx)
	if err != nil || len(keys) > 0 {
		return err
	}
	shared, err := db.LoadKeys(ctx)
	if err != nil {
		return err
	}
	have, err := db.Holds(ctx)
	if err != nil || len(shared) > 0 || have.Tokens+have.People == 0 {
		return err
	}
	return lostError{fmt.Errorf("signing keys: %s holds no *.jwk.json, and the database has accounts whose logins such a key signed: point data at the directory of this site; "+
		"or restore it from a backup; or, where it is gone for good, start once with oarlock serve --new-keys: whoever is logged in gets a new access token", dir)}
}
