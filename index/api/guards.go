package api

import (
	"context"
	"fmt"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// EverythingUnsafe is a Visibility for servers of which nothing is a secret: everybody
// may know of every plugin. It is for tests and for trying out.
func EverythingUnsafe(context.Context) (catalog.Visibility, error) { return catalog.Everything(), nil }

// AnybodyUnsafe is an Identify that refuses nobody. It is for tests and for trying
// out.
func AnybodyUnsafe(context.Context) error { return nil }

// denyWhereNil puts what refuses in the place of each guard that is missing.
func (o *Options) denyWhereNil() {
	if o.Authorize == nil {
		o.Authorize = func(context.Context, Action, string) error { return missing("Authorize") }
	}
	if o.Identify == nil {
		o.Identify = func(context.Context) error { return missing("Identify") }
	}
	if o.Visibility == nil {
		o.Visibility = func(context.Context) (catalog.Visibility, error) { return catalog.Visibility{}, missing("Visibility") }
	}
}

func missing(guard string) error {
	return index.NewProblem(index.CodeDenied, fmt.Sprintf("this server was made without the guard %s, so nothing that it would be asked about is let through", guard),
		"whoever runs the server sets it in api.Options")
}
