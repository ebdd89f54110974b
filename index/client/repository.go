package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// A repository reads from one repository of a registry and believes no byte
// whose digest it has not checked. It is the Evidence of a Subject.
type repository struct {
	name   string // registry/repository
	remote *remote.Repository
}

var _ Evidence = (*repository)(nil)

const acceptManifests = ocispec.MediaTypeImageManifest + ", " + ocispec.MediaTypeImageIndex

// digestOf is the digest of a reference, which is one already or a tag.
func (r *repository) digestOf(ctx context.Context, reference string) (digest.Digest, error) {
	if d, err := digest.Parse(reference); err == nil {
		return d, nil
	}
	return r.Tag(ctx, reference)
}

// Tag looks tag up.
func (r *repository) Tag(ctx context.Context, tag string) (digest.Digest, error) {
	d, err := quirk.Resolve(ctx, r.remote, tag)
	if err != nil {
		return "", r.asKind("tag "+tag, err)
	}
	if err := d.Digest.Validate(); err != nil {
		return "", fmt.Errorf("%s: tag %s: digest %.100q: %w", r.name, tag, d.Digest, err)
	}
	return d.Digest, nil
}

// Manifest fetches the manifest d.
func (r *repository) Manifest(ctx context.Context, d digest.Digest) (string, []byte, error) {
	resp, err := r.get(ctx, "manifests", d, acceptManifests)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	raw, err := readChecked(resp.Body, d, artifact.MaxManifest)
	if err != nil {
		return "", nil, fmt.Errorf("%s: manifest %s: %w", r.name, d, err)
	}
	return mediaTypeOf(resp.Header.Get("Content-Type")), raw, nil
}

// Blob fetches the blob d of at most limit bytes.
func (r *repository) Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error) {
	resp, err := r.get(ctx, "blobs", d, "")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := readChecked(resp.Body, d, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: blob %s: %w", r.name, d, err)
	}
	return raw, nil
}

// Referrers lists the manifests that say that d is their subject.
func (r *repository) Referrers(ctx context.Context, d digest.Digest) ([]ocispec.Descriptor, error) {
	var all []ocispec.Descriptor
	err := quirk.Referrers(ctx, r.remote, ocispec.Descriptor{Digest: d}, func(page []ocispec.Descriptor) error {
		all = append(all, page...)
		return nil
	})
	if err != nil {
		return nil, r.asKind("referrers of "+d.String(), err)
	}
	return all, nil
}

// fetch is the artifact.Fetch of this repository for configs and children.
func (r *repository) fetch(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
	switch d.MediaType {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex:
		_, raw, err := r.Manifest(ctx, d.Digest)
		return raw, err
	}
	return r.Blob(ctx, d.Digest, d.Size)
}

// get asks for what by digest; the caller closes the body and checks the bytes.
func (r *repository) get(ctx context.Context, what string, d digest.Digest, accept string) (*http.Response, error) {
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("%s: digest %.100q: %s: %w", r.name, d, err, artifact.ErrInvalid)
	}
	ref := r.remote.Reference
	scheme := "https"
	if r.remote.PlainHTTP {
		scheme = "http"
	}
	u := fmt.Sprintf("%s://%s/v2/%s/%s/%s", scheme, ref.Host(), ref.Repository, what, d)
	ctx = auth.AppendRepositoryScope(ctx, ref, auth.ActionPull)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	resp, err := r.remote.Client.Do(req)
	if err != nil {
		return nil, r.asKind(what+" "+d.String(), err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, fmt.Errorf("%s: %s %s: %w", r.name, what, d, refusal(resp))
	}
	return resp, nil
}

// refusal is the error of an answer that is not a success.
func refusal(resp *http.Response) error {
	var said struct {
		Errors errcode.Errors `json:"errors"`
	}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	text := resp.Status
	_ = json.Unmarshal(raw, &said)
	for _, e := range said.Errors {
		e.Detail = nil // for programs
		text += ": " + e.Error()
	}
	no := &refused{text: text, causes: []error{&errcode.ErrorResponse{Method: resp.Request.Method, URL: resp.Request.URL, StatusCode: resp.StatusCode, Errors: said.Errors}}}
	if kind := kindOfStatus(resp.StatusCode); kind != nil {
		no.text += ": " + kind.Error()
		no.causes = append(no.causes, kind)
	}
	return no
}

// noLogin is auth.ErrBasicCredentialNotFound with its kind.
type noLogin struct{}

func (noLogin) Error() string { return artifact.ErrDenied.Error() }

func (noLogin) Unwrap() []error { return []error{artifact.ErrDenied, auth.ErrBasicCredentialNotFound} }

// refused is a registry's refusal: a kind, and what it said.
type refused struct {
	text   string
	causes []error
}

func (r *refused) Error() string { return r.text }

// Unwrap gives the answer, and the kind where it has one.
func (r *refused) Unwrap() []error { return r.causes }

func kindOfStatus(status int) error {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return artifact.ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return artifact.ErrDenied
	}
	return nil
}

// asKind puts an artifact kind on what oras-go says.
func (r *repository) asKind(what string, err error) error {
	var answer *errcode.ErrorResponse
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return fmt.Errorf("%s: %s: %w", r.name, what, artifact.ErrNotFound)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return fmt.Errorf("%s: %s: the registry asks for a login and there is none for it: %w", r.name, what, noLogin{})
	case errors.As(err, &answer) && kindOfStatus(answer.StatusCode) != nil:
		return fmt.Errorf("%s: %s: %w: %w", r.name, what, err, kindOfStatus(answer.StatusCode))
	}
	return fmt.Errorf("%s: %s: %w", r.name, what, err)
}
