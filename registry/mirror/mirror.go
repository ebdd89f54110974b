package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	oras "oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
	"github.com/oarlock/oarlock/registry/remote"
)

// Run makes to what from is, each "registry" or "registry/folder", as o says.
// What fails is in the report and stops nothing else; an error means that the
// run could not begin or that ctx ended, and comes with what was done.
func Run(ctx context.Context, from, to string, o Options) (Report, error) {
	r := &run{o: o, report: Report{Missing: []Item{}, Different: []Item{}, Extra: []Item{}, Failed: []Item{}}}
	if err := o.check(); err != nil {
		return r.report, err
	}
	var err error
	if r.from, err = parsePlace(from); err == nil {
		r.to, err = parsePlace(to)
	}
	if err != nil {
		return r.report, err
	}
	if r.from == r.to {
		return r.report, fmt.Errorf("mirror %q: to itself: %w", from, artifact.ErrInvalid)
	}
	r.o.From.HTTPClient = r.reach(r.from, r.o.From.HTTPClient)
	r.o.To.HTTPClient = r.reach(r.to, r.o.To.HTTPClient)
	if r.o.Parallel <= 0 {
		r.o.Parallel = 8
	}
	names, err := r.repositories(ctx)
	if err != nil {
		return r.report, err
	}
	r.tell(func(p *Report) { p.Of = len(names) })
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(max(1, r.o.Parallel/4))
	for _, name := range names {
		group.Go(func() error {
			if err := r.repository(inner, name); err != nil {
				if inner.Err() != nil {
					return inner.Err()
				}
				r.failed(Item{Repository: name}, err)
			}
			r.tell(func(p *Report) { p.Repositories++ })
			return nil
		})
	}
	err = group.Wait()
	for _, list := range [][]Item{r.report.Missing, r.report.Different, r.report.Extra, r.report.Failed} {
		slices.SortFunc(list, func(a, b Item) int { return cmp.Compare(a.String(), b.String()) })
	}
	return r.report, err
}

// reach is the client for the registry at p, unless one is given.
func (r *run) reach(p place, given *http.Client) *http.Client {
	if given != nil {
		return given
	}
	o := r.o.Reach
	host := p.host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	o.Hosts = append(slices.Clone(o.Hosts), host)
	return remote.Client(o)
}

// run is one call of Run.
type run struct {
	o        Options
	from, to place
	// publishers are those whose ledgers are taken along; nil is all.
	publishers map[string]bool

	mu     sync.Mutex
	report Report
}

func (r *run) tell(change func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.report)
	if r.o.Progress != nil {
		r.o.Progress(r.report)
	}
}

// failed says in the report what went wrong with at; a refusal in the words of the
// registry that gave it.
func (r *run) failed(at Item, err error) {
	at.Detail = err.Error()
	if no, refused := errors.AsType[*errcode.ErrorResponse](err); refused && no.URL != nil {
		at.Registry, at.Status = no.URL.Host, no.StatusCode
		at.Detail = strings.Replace(at.Detail, no.Error(), remote.Wrap(at.Registry, no).Error(), 1)
	}
	r.tell(func(p *Report) { p.Failed = append(p.Failed, at) })
}

// repositories are the names to mirror: ledgers of publishers first, since who
// may sign is in them.
func (r *run) repositories(ctx context.Context) ([]string, error) {
	var names []string
	if r.o.exact() {
		for _, name := range r.o.Repositories {
			if r.o.takes(name) {
				names = append(names, name)
			}
		}
	} else {
		reg, err := registryOf(r.from.host, r.o.From)
		if err != nil {
			return nil, err
		}
		found := map[string]bool{} // patterns that match something
		err = quirk.Repositories(ctx, reg, func(page []string) error {
			r.tell(func(p *Report) { p.Listed += len(page) })
			for _, at := range page {
				name, ok := r.from.name(at)
				if !ok {
					continue
				}
				r.o.note(found, name)
				if r.o.takes(name) {
					names = append(names, name)
				}
			}
			return nil
		})
		r.tell(func(p *Report) { p.Unmatched = r.o.unmatched(found) })
		if err != nil {
			return nil, fmt.Errorf("repositories of %q: %w (name them one by one where it gives no list)", r.from.host, err)
		}
	}
	// Nothing that was asked for is there: then the ledgers that go with it are not
	// asked for either, and the report says that nothing was looked at.
	if len(r.o.Repositories) > 0 && len(names) > 0 && !matches(r.o.Repositories, publishersRepository) && !matches(r.o.Except, publishersRepository) {
		r.publishers = map[string]bool{}
		for _, name := range names {
			if publisher, _, ok := strings.Cut(name, "/"); ok && publisher != artifact.ReservedPublisher {
				r.publishers[publisher] = true
			}
		}
		names = append(names, publishersRepository)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	return slices.Compact(names), nil
}

// rank puts ledgers of publishers first and the catalog and the log, which say something of all, last.
func rank(name string) int {
	switch name {
	case publishersRepository:
		return 0
	case catalogRepository, logRepository:
		return 2
	}
	return 1
}

// registryOf is a client for the list of repositories of host.
func registryOf(host string, o remote.Options) (*oras.Registry, error) {
	repo, _, err := remote.Open(host+"/any/repository", o)
	if err != nil {
		return nil, err
	}
	reg, err := oras.NewRegistry(host)
	if err != nil {
		return nil, fmt.Errorf("registry %q: %w: %w", host, err, artifact.ErrInvalid)
	}
	reg.Client, reg.PlainHTTP = repo.Client, repo.PlainHTTP
	return reg, nil
}

// isAbsent holds for a repository or tag that is not there.
func isAbsent(err error) bool { return errors.Is(remote.Wrap("", err), artifact.ErrNotFound) }
