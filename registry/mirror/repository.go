package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	oras "oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
	"github.com/oarlock/oarlock/registry/remote"
)

// repo is one repository on its way.
type repo struct {
	r        *run
	name     string
	src, dst *oras.Repository
	private  bool // the source does not show it to everybody

	mu       sync.Mutex
	fetched  int                     // manifests
	listed   int                     // referrers
	held     map[digest.Digest]bool  // manifests whose whole graph the mirror has
	bad      map[digest.Digest]error // those that could not be copied
	blobs    map[digest.Digest]bool  // that the mirror has
	versions map[digest.Digest]artifact.Version
}

// tagged is a tag of the source and what it means.
type tagged struct {
	name   string
	kind   artifact.TagKind // 0 where it follows no rule of ours
	parsed artifact.Tag
	desc   ocispec.Descriptor
}

func (r *run) repository(ctx context.Context, name string) error {
	c := &repo{r: r, name: name, held: map[digest.Digest]bool{}, bad: map[digest.Digest]error{}, blobs: map[digest.Digest]bool{}, versions: map[digest.Digest]artifact.Version{}}
	var err error
	if c.src, _, err = remote.Open(r.from.reference(name), r.o.From); err != nil {
		return err
	}
	if c.dst, _, err = remote.Open(r.to.reference(name), r.o.To); err != nil {
		return err
	}
	c.dst.SkipReferrersGC = true // registries that delete nothing are mirrors too
	there, err := r.tagsOf(ctx, c.src)
	if isAbsent(err) && name == publishersRepository {
		return nil // a registry without ledgers
	}
	if err != nil {
		return fmt.Errorf("tags: %w", err)
	}
	all := there
	if name == publishersRepository {
		there, err = c.hiddenLedgers(ctx, there)
	} else {
		err = c.keepPrivate(ctx)
	}
	if err != nil {
		return err
	}
	here, err := r.tagsOf(ctx, c.dst)
	if err != nil && !isAbsent(err) {
		return fmt.Errorf("tags of the mirror: %w", err)
	}
	if ofEachSite(name) {
		if own, err := c.isOwn(ctx); own || err != nil {
			return err
		}
	}
	tags, err := c.resolve(ctx, there)
	if err != nil {
		return err
	}
	if err := c.copyAll(ctx, tags); err != nil {
		return err
	}
	if err := c.setTags(ctx, tags); err != nil {
		return err
	}
	for _, tag := range here {
		if !slices.Contains(all, tag) && c.wanted(tag) {
			r.tell(func(p *Report) { p.Extra = append(p.Extra, Item{Repository: name, Tag: tag}) })
		}
	}
	return nil
}

// isOwn reports whether the mirror publishes a catalog or a log of its own: then
// nobody else may begin an upload to that repository.
func (c *repo) isOwn(ctx context.Context) (bool, error) {
	scheme := "https"
	if c.dst.PlainHTTP {
		scheme = "http"
	}
	base := scheme + "://" + c.dst.Reference.Host()
	status, upload, err := c.ask(ctx, http.MethodPost, base+"/v2/"+c.dst.Reference.Repository+"/blobs/uploads/")
	if err != nil {
		return false, err
	}
	if status != http.StatusAccepted {
		return status == http.StatusForbidden || status == http.StatusUnauthorized, nil
	}
	if upload != "" {
		_, _, err = c.ask(ctx, http.MethodDelete, upload) // it was a question
	}
	return false, err
}

// ask gives the status of an answer, and where it leads to.
func (c *repo) ask(ctx context.Context, method, url string) (status int, location string, err error) {
	ctx = auth.AppendRepositoryScope(ctx, c.dst.Reference, auth.ActionPull, auth.ActionPush)
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := c.dst.Client.Do(req)
	if err != nil {
		return 0, "", err
	}
	if at, err := resp.Location(); err == nil {
		location = at.String()
	}
	return resp.StatusCode, location, resp.Body.Close()
}

// tagsOf lists the tags of a repository, and says how far the list is.
func (r *run) tagsOf(ctx context.Context, from *oras.Repository) ([]string, error) {
	return tagsOf(ctx, from, func(n int) { r.tell(func(p *Report) { p.Listed += n }) })
}

func tagsOf(ctx context.Context, from *oras.Repository, read func(int)) ([]string, error) {
	var all []string
	err := quirk.Tags(ctx, from, func(page []string) error {
		all = append(all, page...)
		read(len(page))
		return nil
	})
	return all, err
}

// wanted reports whether the filter lets a tag through, as far as its name says.
func (c *repo) wanted(name string) bool {
	if c.name == publishersRepository {
		return c.r.publishers == nil || c.r.publishers[name]
	}
	t, err := artifact.ParseTag(name)
	switch {
	case err != nil:
		return true
	case t.Kind() == artifact.TagDigest && t.Suffix() == "":
		return false // a list of referrers, which are copied one by one
	case t.Kind() == artifact.TagVersion && !c.r.o.Versions.IsZero():
		return c.r.o.Versions.Contains(t.Version(), false)
	}
	return true
}

// resolve asks what the wanted tags mean.
func (c *repo) resolve(ctx context.Context, names []string) ([]tagged, error) {
	found := make([]tagged, len(names))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(c.r.o.Parallel)
	for i, name := range names {
		if !c.wanted(name) {
			continue
		}
		group.Go(func() error {
			d, err := quirk.Resolve(inner, c.src, name)
			switch {
			case inner.Err() != nil:
				return inner.Err()
			case isAbsent(err): // deleted since it was listed
			case err != nil:
				c.r.failed(Item{Repository: c.name, Tag: name}, err)
			default:
				t, _ := artifact.ParseTag(name)
				found[i] = tagged{name, t.Kind(), t, d}
				if c.name == publishersRepository {
					found[i].kind = artifact.TagState // the tags are names of publishers
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	tags := slices.DeleteFunc(found, func(t tagged) bool { return t.name == "" })
	for _, t := range tags {
		if t.kind == artifact.TagVersion {
			c.versions[t.desc.Digest] = t.parsed.Version()
		}
	}
	return tags, nil
}

// copyAll copies what the tags mean, and then whatever refers to what was
// copied, until nothing new is found.
func (c *repo) copyAll(ctx context.Context, tags []tagged) error {
	var roots []ocispec.Descriptor
	for _, t := range tags {
		if t.kind == artifact.TagVersion || c.r.o.Versions.IsZero() && t.kind != artifact.TagDigest || t.kind == artifact.TagState {
			roots = append(roots, t.desc)
		}
	}
	if err := c.copyGraphs(ctx, roots); err != nil {
		return err
	}
	if c.r.o.Versions.IsZero() {
		roots = roots[:0]
		for _, t := range tags {
			roots = append(roots, t.desc)
		}
		return c.copyGraphs(ctx, roots)
	}
	roots = roots[:0] // signatures of what was copied
	for _, t := range tags {
		if t.kind == artifact.TagDigest && c.held[t.parsed.Subject()] {
			roots = append(roots, t.desc)
		}
	}
	return c.copyGraphs(ctx, roots)
}

// copyGraphs copies roots and what refers to any manifest in them.
func (c *repo) copyGraphs(ctx context.Context, roots []ocispec.Descriptor) error {
	asked := map[digest.Digest]bool{}
	for rounds := 0; len(roots) > 0; rounds++ {
		if rounds > maxDepth {
			c.r.failed(Item{Repository: c.name}, fmt.Errorf("referrers of referrers, more than %d deep: %w", maxDepth, artifact.ErrInvalid))
			return nil
		}
		before := maps.Clone(c.held)
		if err := c.each(ctx, roots, c.graph); err != nil {
			return err
		}
		var fresh []ocispec.Descriptor
		for d := range c.held {
			if !before[d] && !asked[d] {
				asked[d] = true
				fresh = append(fresh, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: d})
			}
		}
		var err error
		if roots, err = c.referrers(ctx, fresh); err != nil {
			return err
		}
		roots = slices.DeleteFunc(roots, func(d ocispec.Descriptor) bool { return c.held[d.Digest] || c.bad[d.Digest] != nil })
	}
	return nil
}

// referrers are what refers to any of subjects. A source whose lists have no
// end, or are too long together, is asked for no more of the repository.
func (c *repo) referrers(ctx context.Context, subjects []ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	var mu sync.Mutex
	var found []ocispec.Descriptor
	known := map[digest.Digest]bool{}
	var endless error
	err := c.each(ctx, subjects, func(ctx context.Context, d ocispec.Descriptor) error {
		mu.Lock()
		over := endless
		mu.Unlock()
		if over != nil {
			return nil // it is said once
		}
		err := quirk.Referrers(ctx, c.src, d, func(page []ocispec.Descriptor) error {
			c.r.tell(func(p *Report) { p.Listed += len(page) })
			mu.Lock()
			defer mu.Unlock()
			if c.listed += len(page); c.listed > maxReferrers {
				return fmt.Errorf("more than %d referrers in one repository: %w", maxReferrers, quirk.ErrEndless)
			}
			for _, one := range page {
				if !known[one.Digest] {
					known[one.Digest] = true
					found = append(found, one)
				}
			}
			return nil
		})
		if errors.Is(err, quirk.ErrEndless) {
			mu.Lock()
			defer mu.Unlock()
			endless = cmp.Or(endless, err)
			return nil
		}
		return err
	})
	if err == nil && endless != nil {
		err = fmt.Errorf("referrers: %w", endless)
	}
	return found, err
}

// each does work for all of list at once; what fails is in the report.
func (c *repo) each(ctx context.Context, list []ocispec.Descriptor, work func(context.Context, ocispec.Descriptor) error) error {
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(c.r.o.Parallel)
	for _, d := range list {
		group.Go(func() error {
			err := work(inner, d)
			if inner.Err() != nil {
				return inner.Err()
			}
			if err != nil {
				c.mu.Lock()
				known := c.bad[d.Digest] != nil
				c.bad[d.Digest] = err
				c.mu.Unlock()
				if !known {
					c.r.failed(Item{Repository: c.name, Source: d.Digest}, c.advise(err))
				}
			}
			return nil
		})
	}
	return group.Wait()
}
