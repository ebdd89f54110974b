package signature

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	gcrname "github.com/google/go-containerregistry/pkg/name"
	gcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
)

// Remote says how a registry is reached. The zero value takes the credentials
// of docker and oras, and plain HTTP for loopback addresses only.
type Remote struct {
	// PlainHTTP allows plain HTTP for any address.
	PlainHTTP bool
	// Transport sends the requests; nil is the usual one.
	Transport http.RoundTripper
	// Keychain gives credentials; nil is the docker configuration.
	Keychain authn.Keychain
	// UserAgent is what the registry is told; "" is oarlock.
	UserAgent string
}

func (r Remote) options(ctx context.Context) []remote.Option {
	keychain, agent := r.Keychain, r.UserAgent
	if keychain == nil {
		keychain = authn.DefaultKeychain
	}
	if agent == "" {
		agent = "oarlock"
	}
	opts := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain), remote.WithUserAgent(agent)}
	if r.Transport != nil {
		opts = append(opts, remote.WithTransport(r.Transport))
	}
	return opts
}

func (r Remote) cosignOptions(ctx context.Context) []ociremote.Option {
	return []ociremote.Option{ociremote.WithRemoteOptions(r.options(ctx)...)}
}

// parse reads a reference with a tag or a digest. Errors wrap artifact.ErrInvalid.
func (r Remote) parse(text string) (gcrname.Reference, error) {
	opts := []gcrname.Option{gcrname.StrictValidation}
	if host, _, _ := strings.Cut(text, "/"); r.PlainHTTP || loopback(host) {
		opts = append(opts, gcrname.Insecure)
	}
	ref, err := gcrname.ParseReference(text, opts...)
	if err != nil {
		return nil, fmt.Errorf("reference %q: expected HOST[:PORT]/PUBLISHER/PLUGIN with :TAG or @DIGEST: %w", text, artifact.ErrInvalid)
	}
	return ref, nil
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// resolve gives the digest behind a reference.
func (r Remote) resolve(ctx context.Context, text string) (gcrname.Digest, error) {
	ref, err := r.parse(text)
	if err != nil {
		return gcrname.Digest{}, err
	}
	d, err := head(ref, r.options(ctx))
	if err != nil {
		return gcrname.Digest{}, asKind(text, err)
	}
	if asked, ok := ref.(gcrname.Digest); ok && asked.DigestStr() != d.Digest.String() {
		return gcrname.Digest{}, fmt.Errorf("%s: the registry answers with %s: %w", text, d.Digest, artifact.ErrUnverified)
	}
	return ref.Context().Digest(d.Digest.String()), nil
}

// head looks ref up. A refusal of a HEAD request has no words, and one that says
// "not found" may mean that it is withheld: then those of a GET are told.
func head(ref gcrname.Reference, opts []remote.Option) (*gcr.Descriptor, error) {
	d, err := remote.Head(ref, opts...)
	var refused *transport.Error
	if errors.As(err, &refused) && (refused.StatusCode == http.StatusForbidden || refused.StatusCode == http.StatusNotFound) {
		if _, told := remote.Get(ref, opts...); told != nil {
			return nil, told
		}
	}
	return d, err
}

// A RefusedError is a registry's refusal. It wraps the kind that its status
// stands for, if any.
type RefusedError struct {
	Status int // HTTP
	// Code is what an oarlock registry gives in the detail of a refusal, in the
	// words of its HTTP API; empty where there is none.
	Code string
	text string
	kind error
}

func (e *RefusedError) Error() string {
	if e.kind == nil {
		return e.text
	}
	return e.text + ": " + e.kind.Error()
}

// Unwrap gives the kind, or nil.
func (e *RefusedError) Unwrap() error { return e.kind }

// asKind gives a registry's refusal its kind; others mean could not tell.
func asKind(what string, err error) error {
	var refused *transport.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("%s: %w", what, err)
	}
	out := &RefusedError{Status: refused.StatusCode}
	text := err.Error()
	for i := range refused.Errors {
		one := &refused.Errors[i]
		if said, _ := one.Detail.(map[string]any); out.Code == "" {
			out.Code, _ = said["code"].(string)
		}
		whole := one.String()
		one.Detail = nil // for programs
		text = strings.ReplaceAll(text, whole, one.String())
	}
	out.text = what + ": " + text
	switch refused.StatusCode {
	case http.StatusNotFound:
		out.text, out.kind = what, artifact.ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed:
		out.kind = artifact.ErrDenied
	case http.StatusConflict:
		out.kind = artifact.ErrConflict
	}
	return out
}

// remoteReader is the evidence that a repository of a remote registry holds.
type remoteReader struct {
	repo gcrname.Repository
	opts []remote.Option
}

func (r remoteReader) Tag(_ context.Context, tag string) (digest.Digest, error) {
	d, err := head(r.repo.Tag(tag), r.opts)
	if err != nil {
		return "", asKind(fmt.Sprintf("tag %q", tag), err)
	}
	return digest.Digest(d.Digest.String()), nil
}

func (r remoteReader) Manifest(_ context.Context, d digest.Digest) (string, []byte, error) {
	got, err := remote.Get(r.repo.Digest(d.String()), r.opts...)
	if err != nil {
		return "", nil, asKind(d.String(), err)
	}
	return string(got.MediaType), got.Manifest, nil
}

func (r remoteReader) Blob(_ context.Context, d digest.Digest, limit int64) ([]byte, error) {
	layer, err := remote.Layer(r.repo.Digest(d.String()), r.opts...)
	if err != nil {
		return nil, asKind(d.String(), err)
	}
	body, err := layer.Compressed() // as it is stored
	if err != nil {
		return nil, asKind(d.String(), err)
	}
	defer body.Close()
	var content bytes.Buffer
	if _, err := io.Copy(&content, io.LimitReader(body, limit+1)); err != nil {
		return nil, fmt.Errorf("%s: %w", d, err)
	}
	if int64(content.Len()) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes: %w", d, limit, artifact.ErrInvalid)
	}
	return content.Bytes(), nil
}

func (r remoteReader) Referrers(_ context.Context, d digest.Digest) ([]ocispec.Descriptor, error) {
	index, err := remote.Referrers(r.repo.Digest(d.String()), r.opts...)
	if err != nil {
		return nil, asKind("referrers of "+d.String(), err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("referrers of %s: %w", d, err)
	}
	var out []ocispec.Descriptor
	for _, one := range manifest.Manifests {
		out = append(out, descriptor(one))
	}
	return out, nil
}

func descriptor(d gcr.Descriptor) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: string(d.MediaType), Digest: digest.Digest(d.Digest.String()), Size: d.Size,
		ArtifactType: d.ArtifactType, Annotations: d.Annotations}
}
