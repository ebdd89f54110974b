package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
)

// Push sends root and all that it reaches to ref, "registry/publisher/plugin:tag"
// (or "@digest", which must be root's, to send without a tag).
//
// Blobs go in parallel, children before what names them, and the tag last with
// the root itself: until then nobody sees the version, and what a cut leaves
// behind, the same call finishes, sending only what is missing. Pushing what
// is there already is a success.
//
// A refusal by the registry is an *Error and wraps ErrConflict (the tag has
// another digest and is immutable), ErrDenied, ErrNotFound or ErrInvalid; an
// error that wraps none of them means that the outcome is not known.
func Push(ctx context.Context, src content.ReadOnlyStorage, root ocispec.Descriptor, ref string, o Options) error {
	repo, to, err := Open(ref, o)
	if err != nil {
		return err
	}
	switch d, err := to.Digest(); {
	case to.Reference == "":
		return fmt.Errorf("push %q: neither tag nor digest, expected a tag such as :1.2.3: %w", ref, artifact.ErrInvalid)
	case err == nil && d != root.Digest:
		return fmt.Errorf("push %q: the artifact has digest %s: %w", ref, root.Digest, artifact.ErrInvalid)
	}
	w := &watched{ReadOnlyStorage: src, root: root, tell: o.tell}
	copying := oras.CopyOptions{CopyGraphOptions: oras.CopyGraphOptions{
		Concurrency:   o.Concurrency,
		PreCopy:       o.step(Started),
		PostCopy:      o.step(Done),
		OnCopySkipped: o.step(Present),
	}}
	if copying.Concurrency <= 0 {
		copying.Concurrency = 4
	}
	if _, err := oras.Copy(ctx, w, root.Digest.String(), repo, to.Reference, copying); err != nil {
		return asError(ref, inFull(ctx, repo, err))
	}
	return nil
}

// inFull is err with the words of a GET where it is the refusal of a HEAD, which has none.
func inFull(ctx context.Context, repo *remote.Repository, err error) error {
	r, ok := errors.AsType[*errcode.ErrorResponse](err)
	if !ok || r.Method != http.MethodHead || len(r.Errors) > 0 || r.URL == nil || path.Base(path.Dir(r.URL.Path)) != "manifests" {
		return err
	}
	_, full := quirk.Resolve(ctx, repo, path.Base(r.URL.Path))
	if said, ok := errors.AsType[*errcode.ErrorResponse](full); ok && len(said.Errors) > 0 {
		return said
	}
	return err
}

// Resolve gives the descriptor of the manifest at ref. Errors are as Push's.
func Resolve(ctx context.Context, ref string, o Options) (ocispec.Descriptor, error) {
	repo, at, err := Open(ref, o)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if at.Reference == "" {
		return ocispec.Descriptor{}, fmt.Errorf("resolve %q: neither tag nor digest: %w", ref, artifact.ErrInvalid)
	}
	d, err := quirk.Resolve(ctx, repo, at.Reference)
	if err != nil {
		return ocispec.Descriptor{}, asError(ref, err)
	}
	return d, nil
}

// Fetch gives the descriptor and the verified bytes of the manifest at ref.
// Errors are as Push's.
func Fetch(ctx context.Context, ref string, o Options) (ocispec.Descriptor, []byte, error) {
	repo, at, err := Open(ref, o)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	d, err := Resolve(ctx, ref, o)
	if err != nil {
		return d, nil, err
	}
	if want, err := digest.Parse(at.Reference); err == nil && want != d.Digest {
		return d, nil, fmt.Errorf("fetch %s: the registry answered with %s: %w", ref, d.Digest, artifact.ErrUnverified)
	}
	if d.Size > artifact.MaxManifest {
		return d, nil, fmt.Errorf("fetch %s: %d bytes, expected at most %d: %w", ref, d.Size, artifact.MaxManifest, artifact.ErrInvalid)
	}
	raw, err := content.FetchAll(ctx, repo, d)
	if err != nil {
		return d, nil, asError(ref, err)
	}
	return d, raw, nil
}

func (o Options) tell(e Event) {
	if o.Progress != nil {
		o.Progress(e)
	}
}

func (o Options) step(s Step) func(context.Context, ocispec.Descriptor) error {
	return func(_ context.Context, d ocispec.Descriptor) error {
		o.tell(Event{Step: s, Descriptor: d})
		return nil
	}
}

// watched is a storage that knows its root and tells what is read.
type watched struct {
	content.ReadOnlyStorage
	root ocispec.Descriptor
	tell func(Event)
}

func (w *watched) Resolve(context.Context, string) (ocispec.Descriptor, error) { return w.root, nil }

func (w *watched) Fetch(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	rc, err := w.ReadOnlyStorage.Fetch(ctx, d)
	if err != nil {
		return nil, err
	}
	return &watchedReader{ReadCloser: rc, d: d, tell: w.tell}, nil
}

type watchedReader struct {
	io.ReadCloser
	d    ocispec.Descriptor
	tell func(Event)
}

func (r *watchedReader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	if n > 0 {
		r.tell(Event{Step: Sending, Descriptor: r.d, Bytes: int64(n)})
	}
	return n, err
}
