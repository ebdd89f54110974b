package client

import (
	"context"
	"fmt"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
	"github.com/oarlock/oarlock/index"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// PullOptions of a Puller. A Verifier must be given, or go without one by name.
type PullOptions struct {
	// Verifier judges every version before it is unpacked.
	Verifier Verifier
	// AllowUnsignedUnsafe goes without a Verifier: whoever can write to the
	// registry, or sits on the way, then runs code in the host.
	AllowUnsignedUnsafe bool
	// Platform to pull for; the zero Platform is this machine's.
	Platform artifact.Platform
	// HTTPClient sends the requests; nil is a client that retries what may pass.
	HTTPClient *http.Client
	// UserAgent names the host application.
	UserAgent string
	// PlainHTTP uses http for registries that are not on a loopback address.
	PlainHTTP bool
	// LoopbackTLS speaks https to loopback addresses, as to all others.
	LoopbackTLS bool
	// Credential finds the login of a registry; nil asks the store that docker
	// and oras write.
	Credential auth.CredentialFunc
	// Limits bound what is pulled and unpacked; zero fields are the defaults.
	Limits Limits
}

// A Puller pulls plugin versions from OCI registries. It is safe for
// concurrent use.
type Puller struct {
	options PullOptions
	client  *auth.Client
	plain   *http.Client // for payloads, which are hosted elsewhere: no login is sent there
}

// NewPuller makes a Puller. Errors wrap artifact.ErrInvalid where no Verifier
// is given and AllowUnsignedUnsafe is not set.
func NewPuller(options PullOptions) (*Puller, error) {
	if options.Verifier == nil && !options.AllowUnsignedUnsafe {
		return nil, fmt.Errorf("puller: no verifier, so nothing could be trusted; give one, or set AllowUnsignedUnsafe: %w", artifact.ErrInvalid)
	}
	if options.Verifier != nil && options.AllowUnsignedUnsafe {
		return nil, fmt.Errorf("puller: a verifier and AllowUnsignedUnsafe exclude each other: %w", artifact.ErrInvalid)
	}
	if options.Platform.IsZero() {
		var err error
		if options.Platform, err = thisPlatform(); err != nil {
			return nil, err
		}
	}
	how := RepositoryOptions{HTTPClient: options.HTTPClient, UserAgent: options.UserAgent, PlainHTTP: options.PlainHTTP, Credential: options.Credential}
	client, err := how.dial()
	if err != nil {
		return nil, err
	}
	options.HTTPClient, options.Credential = how.HTTPClient, how.Credential
	options.Limits = options.Limits.orDefaults()
	return &Puller{options: options, client: client, plain: options.HTTPClient}, nil
}

// Platform is what the Puller pulls for.
func (p *Puller) Platform() artifact.Platform { return p.options.Platform }

// A Pulled version lies unpacked in a directory.
type Pulled struct {
	Reference      string           `json:"reference"` // registry/repository@digest
	Digest         digest.Digest    `json:"digest"`    // the version: manifest or image index
	PlatformDigest digest.Digest    `json:"platform_digest"`
	Plugin         *artifact.Plugin `json:"plugin"`
	Signature      index.Signature  `json:"signature"`
	Size           int64            `json:"size"` // bytes of what was pulled
}

// Pull pulls the version at reference, registry/repository:tag or @digest,
// into dir, which must not exist or be empty. A tag is looked up once; all
// else goes by digest. The signature is verified before a byte is unpacked,
// every digest and size before it is used, and dir appears whole or not at all.
//
// Errors wrap artifact.ErrUnverified where bytes or signatures do not hold,
// ErrInvalid where the version breaks the rules, ErrNotFound where it, or a
// build for the platform, is not there, ErrConflict where dir holds something.
func (p *Puller) Pull(ctx context.Context, reference, dir string) (*Pulled, error) {
	ref, err := ParseReference(reference)
	if err != nil {
		return nil, err
	}
	at, err := p.open(ref)
	if err != nil {
		return nil, err
	}
	d, err := at.digestOf(ctx, ref.Reference)
	if err != nil {
		return nil, err
	}
	id, err := NameOf(ref)
	if err != nil {
		return nil, err
	}
	return p.pull(ctx, at, wanted{id: id, digest: d}, dir)
}

// ParseReference parses registry/repository[:tag|@digest]. Errors wrap
// artifact.ErrInvalid and quote s.
func ParseReference(s string) (registry.Reference, error) {
	ref, err := registry.ParseReference(quirk.Reference(s))
	if err != nil {
		return registry.Reference{}, fmt.Errorf("reference %q: expected registry/publisher/plugin:tag or @sha256:…: %s: %w", s, err, artifact.ErrInvalid)
	}
	if ref.Reference == "" {
		return registry.Reference{}, fmt.Errorf("reference %q: neither tag nor digest: %w", s, artifact.ErrInvalid)
	}
	return ref, nil
}

// NameOf is the plugin that the repository of ref holds: its last two parts,
// so that a mirror may put something before them. Errors wrap artifact.ErrInvalid.
func NameOf(ref registry.Reference) (artifact.Name, error) {
	parts := lastTwo(ref.Repository)
	id, err := artifact.ParseName(parts)
	if err != nil {
		return artifact.Name{}, fmt.Errorf("repository %q: %w", ref.Repository, err)
	}
	return id, nil
}

func (p *Puller) open(ref registry.Reference) (*repository, error) {
	how := RepositoryOptions{PlainHTTP: p.options.PlainHTTP, LoopbackTLS: p.options.LoopbackTLS}
	return openRepository(ref, p.client, how.plain(ref.Registry))
}
