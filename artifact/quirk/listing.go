package quirk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
)

// ErrEndless is a list that had no end within the bounds: it wraps
// artifact.ErrInvalid. Who gives one such list may give any number of them.
var ErrEndless = fmt.Errorf("the list has no end: %w", artifact.ErrInvalid)

const (
	// maxEmptyPages bounds the pages of a list beyond one for each entry.
	maxEmptyPages = 64
	// maxListing bounds the time of one list of tags or referrers.
	maxListing = 5 * time.Minute
)

// listing is one list that is walked page by page. A registry names the next
// page itself, so that it can lead in a circle, or on for ever.
type listing struct {
	mu      sync.Mutex
	visited map[string]bool
	entries int
}

type listingKey struct{}

// walk gives fn a context in which the pages of one list are watched.
func walk(ctx context.Context, fn func(context.Context, *listing) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, maxListing, fmt.Errorf("the list was not at its end after %s: %w", maxListing, ErrEndless))
	defer cancel()
	l := &listing{visited: map[string]bool{}}
	err := fn(context.WithValue(ctx, listingKey{}, l), l)
	if err != nil && ctx.Err() == context.DeadlineExceeded {
		return fmt.Errorf("%w: %w", err, context.Cause(ctx))
	}
	return err
}

// grew counts entries of a page that came.
func (l *listing) grew(entries int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries += entries
}

// ask reports whether a page may be asked for.
func (l *listing) ask(page string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.visited[page]:
		return fmt.Errorf("the next page of the list is one that came before, %.200q: %w", page, ErrEndless)
	case len(l.visited) >= MaxPages:
		return fmt.Errorf("more than %d pages of a list: %w", MaxPages, ErrEndless)
	case len(l.visited) >= l.entries+maxEmptyPages:
		return fmt.Errorf("%d pages of a list with %d entries, expected entries on each: %w", len(l.visited), l.entries, ErrEndless)
	}
	l.visited[page] = true
	return nil
}

// watched is a client that asks for each page of a list once.
type watched struct{ remote.Client }

// Do asks, unless the request is for a page that it may not ask for.
func (w watched) Do(r *http.Request) (*http.Response, error) {
	l, ok := r.Context().Value(listingKey{}).(*listing)
	if !ok {
		return w.Client.Do(r)
	}
	if err := l.ask(r.Method + " " + r.URL.String()); err != nil {
		return nil, err
	}
	resp, err := w.Client.Do(r)
	if err == nil && resp.StatusCode == http.StatusOK && r.Method == http.MethodGet {
		err = checkPage(r.URL.Path, resp)
	}
	if err != nil && resp != nil {
		err = errors.Join(err, resp.Body.Close())
		resp = nil
	}
	return resp, err
}

// Tags gives the tags of a repository, page by page. More than MaxTags, a page
// that leads back to one before, pages without end and a list that takes more
// than five minutes wrap artifact.ErrInvalid.
func Tags(ctx context.Context, repo *remote.Repository, fn func([]string) error) error {
	return walk(ctx, func(ctx context.Context, l *listing) error {
		return repo.Tags(ctx, "", func(page []string) error {
			if l.grew(len(page)); l.entries > MaxTags {
				return fmt.Errorf("more than %d tags: %w", MaxTags, ErrEndless)
			}
			return fn(page)
		})
	})
}

// Repositories gives the repositories of a registry, bounded as Tags is.
func Repositories(ctx context.Context, registry *remote.Registry, fn func([]string) error) error {
	registry.Client = watch(registry.Client)
	return walk(ctx, func(ctx context.Context, l *listing) error {
		return registry.Repositories(ctx, "", func(page []string) error {
			if l.grew(len(page)); l.entries > MaxTags {
				return fmt.Errorf("more than %d repositories: %w", MaxTags, ErrEndless)
			}
			return fn(page)
		})
	})
}

// watch is c that watches lists.
func watch(c remote.Client) remote.Client {
	if _, ok := c.(watched); ok {
		return c
	}
	if c == nil {
		c = auth.DefaultClient // as oras does
	}
	return watched{c}
}

// referrers is Referrers by the way that repo takes to be the registry's.
func referrers(ctx context.Context, repo *remote.Repository, d ocispec.Descriptor, fn func([]ocispec.Descriptor) error) error {
	return walk(ctx, func(ctx context.Context, l *listing) error {
		return repo.Referrers(ctx, d, "", func(page []ocispec.Descriptor) error {
			if l.grew(len(page)); l.entries > MaxReferrers {
				return fmt.Errorf("referrers of %s: more than %d: %w", d.Digest, MaxReferrers, ErrEndless)
			}
			return fn(page)
		})
	})
}
