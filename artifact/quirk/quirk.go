// Package quirk asks registries that follow the distribution specification
// loosely: that refuse HEAD or answer it without a digest, and that know no
// referrers API and say so by another status than 404. It bounds the pages
// that any registry may answer with.
//
// Source: OCI distribution-spec 1.1.
package quirk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/oarlock/oarlock/artifact"
)

// The most that one list may have. A page is at most 4 MiB (oras-go).
const (
	// MaxPages bounds the pages of a list of tags, referrers or repositories.
	MaxPages = 4096
	// MaxReferrers bounds the referrers of one manifest.
	MaxReferrers = 16384
	// MaxTags bounds the tags of one repository, and the repositories of one registry.
	MaxTags = 1 << 20
)

// Bound lets repo follow at most MaxPages pages of any list, and log in to the
// ledgers of publishers before it reads them. It is called when repo's client is
// set.
func Bound(repo *remote.Repository) {
	repo.TagListMaxPages, repo.ReferrerListMaxPages = MaxPages+1, MaxPages+1 // so that a watched list is refused in our words
	if _, ok := repo.Client.(watched); ok {
		return
	}
	c := repo.Client
	if c == nil {
		c = auth.DefaultClient // as oras does
	}
	repo.Client = watch(logInFirst(repo, c))
}

// Resolve gives the descriptor of a manifest by tag or digest: by HEAD, and by
// GET where HEAD is refused or its answer has no digest or no size. A refusal
// has the words of the GET, since a HEAD has no body. What it gives is not
// verified: whoever fetches it checks the bytes.
func Resolve(ctx context.Context, repo *remote.Repository, reference string) (ocispec.Descriptor, error) {
	d, err := repo.Resolve(ctx, reference)
	var sent *url.Error
	switch {
	case err == nil && d.Size > 0:
		return d, nil
	case errors.Is(err, errdef.ErrNotFound), errors.As(err, &sent), ctx.Err() != nil:
		return d, err
	}
	got, body, full := repo.FetchReference(ctx, reference)
	var said *errcode.ErrorResponse
	switch {
	case full == nil:
		return got, body.Close()
	case err == nil, errors.As(full, &said), errors.Is(full, errdef.ErrNotFound):
		return d, full
	}
	return d, err
}

// Exists reports whether a manifest is there, as Resolve asks.
func Exists(ctx context.Context, repo *remote.Repository, d ocispec.Descriptor) (bool, error) {
	_, err := Resolve(ctx, repo, d.Digest.String())
	if errors.Is(err, errdef.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Referrers gives the manifests whose subject is d, page by page: from the
// referrers API, or from the referrers tag where there is no such API, however
// the registry says so. More than MaxReferrers, a page that leads back to one
// before, pages without end and a list that takes more than five minutes wrap
// artifact.ErrInvalid.
func Referrers(ctx context.Context, repo *remote.Repository, d ocispec.Descriptor, fn func([]ocispec.Descriptor) error) error {
	count := 0
	counted := func(page []ocispec.Descriptor) error {
		count += len(page)
		return fn(page)
	}
	err := referrers(ctx, repo, d, counted)
	if count > 0 || !noReferrers(err) {
		return err
	}
	if err := repo.SetReferrersCapability(false); err != nil {
		return err
	}
	return referrers(ctx, repo, d, counted)
}

// noReferrers holds for the ways in which registries say that they do not know
// the referrers API.
func noReferrers(err error) bool {
	var said *errcode.ErrorResponse
	if !errors.As(err, &said) {
		return false
	}
	switch said.StatusCode {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented:
		return true
	}
	return false
}

// Reference writes "+" in the tag of a reference as "_", which is how a SemVer
// version with build metadata is a tag: helm does so by itself as well. Other
// references stay as they are.
func Reference(s string) string {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.ContainsAny(s[i:], "/@") || strings.Contains(s[:i], "@") {
		return s
	}
	if v, err := artifact.ParseVersion(s[i+1:]); err == nil {
		return s[:i+1] + v.Tag()
	}
	return s
}
