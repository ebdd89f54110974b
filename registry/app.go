package registry

import (
	"context"
	"fmt"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// newApp makes distribution's handler over d. Authorisation, deletes, reads
// and the upload purge are ours, so it gets none of them. NewApp panics on
// what it does not like; that comes back as an error.
func newApp(ctx context.Context, d *driver.Driver, secret string) (app *handlers.App, err error) {
	defer func() {
		if r := recover(); r != nil {
			app, err = nil, fmt.Errorf("distribution: %v", r)
		}
	}()
	c := &configuration.Configuration{
		Storage: configuration.Storage{
			driver.InstanceDriver: {"instance": d},
			"delete":              {"enabled": true},
			"redirect":            {"disable": true},
			"maintenance":         {"uploadpurging": map[any]any{"enabled": false}},
		},
		Validation: configuration.Validation{Disabled: true},
	}
	c.HTTP.Secret = secret
	c.HTTP.RelativeURLs = true
	return handlers.NewApp(ctx, c), nil
}
