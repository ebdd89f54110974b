package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
	"github.com/oarlock/oarlock/registry/remote"
)

const (
	// maxDepth bounds indexes in indexes.
	maxDepth = 16
	// maxBlob bounds one blob, in bytes.
	maxBlob = 64 << 30
	// maxManifests bounds the manifests of one repository: a source could make
	// up referrers of referrers for ever.
	maxManifests = 1 << 20
	// maxReferrers bounds the referrers of all manifests of one repository
	// together, as they are listed.
	maxReferrers = 1 << 20
	// dockerList is Docker's name for an index.
	dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// node is what a manifest holds.
type node struct {
	Type      string               `json:"artifactType"`
	Config    *ocispec.Descriptor  `json:"config"`
	Layers    []ocispec.Descriptor `json:"layers"`
	Blobs     []ocispec.Descriptor `json:"blobs"`
	Manifests []ocispec.Descriptor `json:"manifests"`
}

func (n node) blobs() []ocispec.Descriptor {
	all := append(append([]ocispec.Descriptor(nil), n.Layers...), n.Blobs...)
	if n.Config != nil {
		all = append(all, *n.Config)
	}
	return all
}

// graph makes the mirror hold d and all that it holds.
func (c *repo) graph(ctx context.Context, d ocispec.Descriptor) error {
	return c.graphAt(ctx, d, 0)
}

func (c *repo) graphAt(ctx context.Context, d ocispec.Descriptor, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: indexes in indexes, more than %d deep: %w", d.Digest, maxDepth, artifact.ErrInvalid)
	}
	if c.has(d.Digest) {
		return nil
	}
	if err := d.Digest.Validate(); err != nil {
		return fmt.Errorf("digest %.100q: %s: %w", d.Digest, err, artifact.ErrInvalid)
	}
	there, err := quirk.Exists(ctx, c.dst, d)
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	index := d.MediaType == ocispec.MediaTypeImageIndex || d.MediaType == dockerList
	if there && !index {
		c.hold(d.Digest)
		return nil
	}
	if c.countManifest() > maxManifests {
		return fmt.Errorf("more than %d manifests in one repository: %w", maxManifests, artifact.ErrInvalid)
	}
	raw, err := c.manifest(ctx, d)
	if err != nil {
		return err
	}
	var n node
	if err := artifact.UnmarshalStrict(raw, &n); err != nil {
		return fmt.Errorf("%s: not a manifest: %s: %w", d.Digest, err, artifact.ErrInvalid)
	}
	for _, child := range n.Manifests {
		if err := c.graphAt(ctx, child, depth+1); err != nil {
			return err
		}
	}
	if there {
		c.hold(d.Digest)
		return nil
	}
	if c.r.o.Check {
		c.miss(d, n)
		return nil
	}
	for _, b := range n.blobs() {
		if err := c.blob(ctx, b); err != nil {
			return err
		}
	}
	err = c.dst.Manifests().Push(ctx, d, bytes.NewReader(raw))
	if err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		return remote.Wrap(c.r.to.reference(c.name)+"@"+d.Digest.String(), err)
	}
	c.hold(d.Digest)
	c.r.tell(func(p *Report) { p.Manifests++; p.Bytes += int64(len(raw)) })
	return nil
}

// miss reports what the mirror lacks, but no proof of a publication log: each site
// attaches its own, some time after the version.
func (c *repo) miss(d ocispec.Descriptor, n node) {
	c.hold(d.Digest)
	if n.Type == artifact.TypeLogProof {
		return
	}
	c.r.tell(func(p *Report) {
		p.Manifests++
		p.Missing = append(p.Missing, Item{Repository: c.name, Source: d.Digest})
	})
}

// countManifest counts what was fetched.
func (c *repo) countManifest() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetched++
	return c.fetched
}

// manifest reads d at the source and checks it.
func (c *repo) manifest(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
	at := c.r.from.reference(c.name) + "@" + d.Digest.String()
	if d.Size > artifact.MaxManifest || d.Size < 0 {
		return nil, fmt.Errorf("%s: %d bytes, expected at most %d: %w", at, d.Size, artifact.MaxManifest, artifact.ErrInvalid)
	}
	raw, err := content.FetchAll(ctx, c.src.Manifests(), d)
	if err != nil {
		return nil, remote.Wrap(at, err)
	}
	return raw, nil
}

// blob makes the mirror hold d. What is hosted elsewhere stays there.
func (c *repo) blob(ctx context.Context, d ocispec.Descriptor) error {
	c.mu.Lock()
	known := c.blobs[d.Digest]
	c.mu.Unlock()
	if known {
		return nil
	}
	if d.Size < 0 || d.Size > maxBlob {
		return fmt.Errorf("blob %s: %d bytes, expected at most %d: %w", d.Digest, d.Size, int64(maxBlob), artifact.ErrInvalid)
	}
	there, err := c.dst.Blobs().Exists(ctx, d)
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	if !there {
		if err := c.send(ctx, d); err != nil {
			if isAbsent(err) && len(d.URLs) > 0 {
				return nil
			}
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blobs[d.Digest] = true
	return nil
}

// send copies one blob; other bytes than its digest's are not sent whole.
func (c *repo) send(ctx context.Context, d ocispec.Descriptor) (err error) {
	at := c.r.from.reference(c.name) + "@" + d.Digest.String()
	if err := d.Digest.Validate(); err != nil {
		return fmt.Errorf("%s: %w: %w", at, err, artifact.ErrInvalid)
	}
	body, err := c.src.Blobs().Fetch(ctx, d)
	if err != nil {
		return remote.Wrap(at, err)
	}
	checked := &verified{body, content.NewVerifyReader(body, d), d}
	defer func() { err = errors.Join(err, body.Close()) }()
	err = c.dst.Blobs().Push(ctx, d, checked)
	if err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		return remote.Wrap(c.r.to.reference(c.name)+"@"+d.Digest.String(), err)
	}
	c.r.tell(func(p *Report) { p.Blobs++; p.Bytes += d.Size })
	return nil
}

// verified is a blob whose end is an error where its digest does not hold.
type verified struct {
	io.Closer
	*content.VerifyReader
	d ocispec.Descriptor
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.VerifyReader.Read(p)
	if errors.Is(err, io.EOF) {
		if bad := v.Verify(); bad != nil {
			return n, fmt.Errorf("%s: the source gave other bytes: %w: %w", v.d.Digest, bad, artifact.ErrUnverified)
		}
	}
	return n, err
}

func (c *repo) has(d digest.Digest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[d]
}

func (c *repo) hold(d digest.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[d] = true
}
