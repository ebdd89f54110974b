package registry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/distribution/distribution/v3/registry/handlers"

	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Registry keeps plugins and what speaks about them. It is an http.Handler
// for /v2/, and its methods push as a request does, by the same gate. What is
// stored is read from the storage that it was made of. All of it may be used by
// many goroutines at once. New makes one.
type Registry struct {
	storage  *storage.Storage
	blocks   *block.Blocks
	opts     Options
	log      *slog.Logger
	driver   *driver.Driver
	app      *handlers.App
	sessions sessions
	again    sync.Map // namespace@digest → true: held blobs that are being sent again
	stop     context.CancelFunc
}

// New serves what s holds, but for what b says may not be read. b is opened
// over s; the caller opened both and closes the Registry first, then b, then s.
func New(s *storage.Storage, b *block.Blocks, o Options) (*Registry, error) {
	bridgeLogs()
	o = o.withDefaults()
	life, stop := context.WithCancel(context.Background())
	app, err := newApp(life, s.Driver(), s.UploadSecret())
	if err != nil {
		stop()
		return nil, fmt.Errorf("registry: %w", err)
	}
	g := &Registry{storage: s, blocks: b, opts: o, log: s.Log(), driver: s.Driver(), app: app, stop: stop}
	return g, nil
}

// Close ends what serves. Requests that are still being answered are the
// caller's to drain before.
func (g *Registry) Close() error {
	g.stop()
	g.keepSessions(context.Background())
	return g.app.Shutdown()
}
