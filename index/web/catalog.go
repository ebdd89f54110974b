package web

import (
	"context"
	"net/url"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Catalog is what the pages read. Every answer holds what the reader of ctx
// may know and nothing else. registry is the host that references begin with.
// Questions are parameters of the HTTP API. Errors are those of the API; an
// *index.Problem says its own code.
type Catalog interface {
	// Search lists plugins.
	Search(ctx context.Context, registry string, question url.Values) (index.Page, error)
	// Plugin shows one plugin whole.
	Plugin(ctx context.Context, registry, id string, question url.Values) (index.Detail, error)
	// Version shows one version, listed or not.
	Version(ctx context.Context, registry, id, version string) (index.VersionDetail, error)
	// Why explains for every version of a plugin whether it fits a question.
	Why(ctx context.Context, id string, question url.Values) (index.Why, error)
	// Summary is the catalog in numbers, with the hosts that plugins name.
	Summary(ctx context.Context) (index.Summary, error)
}

// Lifecycles say where a plugin stands, and which moves the reader of ctx may make.
// Errors are those of the API.
type Lifecycles interface {
	Lifecycle(ctx context.Context, id artifact.Name) (index.Lifecycle, error)
}

// Held says what the registry holds of a publisher, listed or not.
type Held interface {
	// PluginsOf are the plugins that the reader of ctx may know of, by id.
	PluginsOf(ctx context.Context, publisher string) ([]index.PluginHeld, error)
}

// A Reader is who looks at a page.
type Reader struct {
	// Name is empty for nobody in particular.
	Name string
	// Session says that the reader signed in in this browser, and can sign out.
	Session bool
	// Site says that the reader has a role of the site, so that its pages are shown
	// to them; what they may do there is asked at each act.
	Site bool
}
