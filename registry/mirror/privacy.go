package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	oras "oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
	"github.com/oarlock/oarlock/registry/remote"
)

// codeUnclaimed is what a mirror that is an Oarlock site answers for a namespace
// that nobody owns there.
const codeUnclaimed = "namespace_unclaimed"

// errEnough ends a list of which the first page was enough.
var errEnough = errors.New("enough")

// keepPrivate fails where what the source does not show to everybody would be
// shown to everybody by the mirror, and where that cannot be told. It is asked
// before the first byte is sent.
func (c *repo) keepPrivate(ctx context.Context) error {
	if c.r.o.AllowPublic || ofEachSite(c.name) || c.unknown(ctx) {
		return nil
	}
	shown, err := everybodyReads(ctx, c.r.from.reference(c.name), c.r.o.From, false)
	if err == nil && shown {
		return nil
	}
	c.private = err == nil
	return c.r.hides(ctx, c.name, err)
}

// hides fails where the mirror shows a repository that the source hides to
// everybody. untold is why the source's side could not be told, if it could not.
func (r *run) hides(ctx context.Context, name string, untold error) error {
	shown, err := everybodyReads(ctx, r.to.reference(name), r.o.To, true)
	switch {
	case err != nil:
		return fmt.Errorf("could not tell whether everybody can read %s at the mirror, and the source does not show it to everybody, so it was not copied: %w", name, err)
	case !shown:
		return nil
	case untold != nil:
		return fmt.Errorf("could not tell whether the source shows %s to everybody, as the mirror would, so it was not copied: %w", name, untold)
	}
	namespace, _, _ := strings.Cut(name, "/")
	fix := "make it private there"
	if r.to.prefix == "" {
		fix += fmt.Sprintf(" (at an Oarlock site: `oarlock publisher configure %s --private=true --server %s`)", namespace, r.to.host)
	}
	return fmt.Errorf("%s is private at the source, and everybody could read it at the mirror, so it was not copied: %s, or give --allow-public if everybody may have it: %w", name, fix, artifact.ErrDenied)
}

// hiddenLedgers leaves out of the tags of the publishers' repository the ledgers
// that everybody could read at the mirror and not at the source, and reports them.
func (c *repo) hiddenLedgers(ctx context.Context, tags []string) ([]string, error) {
	if c.r.o.AllowPublic || c.unknown(ctx) {
		return tags, nil
	}
	open, untold := everybodysTags(ctx, c.src.Reference.String(), c.r.o.From)
	left := make([]string, len(tags))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(c.r.o.Parallel)
	for i, tag := range tags {
		if !c.wanted(tag) || slices.Contains(open, tag) {
			left[i] = tag
			continue
		}
		group.Go(func() error {
			// What everybody may know of a publisher is what they may pull from it.
			err := c.r.hides(inner, tag+"/"+tag, untold)
			if inner.Err() != nil {
				return inner.Err()
			}
			if err != nil {
				c.r.failed(Item{Repository: c.name, Tag: tag}, err)
				return nil
			}
			left[i] = tag
			return nil
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(left, func(tag string) bool { return tag == "" }), err
}

// unknown reports whether the source is read without a login: what it shows
// then, it shows to everybody.
func (c *repo) unknown(ctx context.Context) bool {
	if c.r.o.From.Credential == nil {
		return false
	}
	login, err := c.r.o.From.Credential(ctx, c.src.Reference.Host())
	return err == nil && login == auth.EmptyCredential
}

// everybodyReads reports whether a repository can be read without a login. One
// that is not there is read by everybody as soon as it is, where absent says so:
// registries ask strangers for a login before they say that something is missing.
func everybodyReads(ctx context.Context, at string, o remote.Options, absent bool) (bool, error) {
	repo, err := withoutLogin(at, o)
	if err != nil {
		return false, err
	}
	repo.TagListPageSize = 1
	err = quirk.Tags(ctx, repo, func([]string) error { return errEnough })
	switch {
	case err == nil, errors.Is(err, errEnough):
		return true, nil
	case isAbsent(err):
		return absent, nil
	case isClosed(err):
		return false, nil
	}
	return false, remote.Wrap(at, err)
}

// everybodysTags are the tags that are told without a login.
func everybodysTags(ctx context.Context, at string, o remote.Options) ([]string, error) {
	repo, err := withoutLogin(at, o)
	if err != nil {
		return nil, err
	}
	tags, err := tagsOf(ctx, repo, func(int) {})
	if isAbsent(err) || isClosed(err) {
		return nil, nil
	}
	return tags, err
}

func withoutLogin(at string, o remote.Options) (*oras.Repository, error) {
	o.Credential = func(context.Context, string) (auth.Credential, error) { return auth.EmptyCredential, nil }
	repo, _, err := remote.Open(at, o)
	return repo, err
}

// isClosed holds for what asks for a login or refuses.
func isClosed(err error) bool {
	return errors.Is(err, auth.ErrBasicCredentialNotFound) || errors.Is(remote.Wrap("", err), artifact.ErrDenied)
}

// advise adds to the refusal of a namespace that nobody claimed how to claim it
// so that what is private stays private.
func (c *repo) advise(err error) error {
	refused, ok := errors.AsType[*remote.Error](remote.Wrap(c.name, err))
	if !ok || !c.private || refused.Stable != codeUnclaimed {
		return err
	}
	namespace, _, _ := strings.Cut(c.name, "/")
	return fmt.Errorf("%w; it is private at the source: claim it with `oarlock publisher claim %s --private`, so that it stays private", err, namespace)
}
