package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// A Sweep is what a garbage collector needs of a registry: to list what is
// stored with its age, to set links aside and drop them, and to remove bytes
// that nothing links. It decides nothing. Below /oarlock/gc in storage:
//
//	links/<repo>/_condemned/<kind>s/<alg>-<hex>  a link that was set aside; reading it puts it back
//	bytes/<alg>/<hex>                            bytes that no link leads to; whoever looks for them spares them
//	removed/<alg>/<hex>                          bytes on their way out; whoever looks for them brings them back
//
// What a reader or a push needs is thereby back before it is answered. Methods
// that change something need a registry that was not opened read-only.
type Sweep struct{ g *Registry }

// Sweep gives a garbage collector access to the storage.
func (g *Registry) Sweep() Sweep { return Sweep{g} }

// A LinkKind says what a link makes a repository hold.
type LinkKind string

// The kinds of link.
const (
	ManifestLink LinkKind = "manifest"
	BlobLink     LinkKind = "blob"
)

// A Link makes a manifest or blob belong to a repository.
type Link struct {
	Kind    LinkKind
	Digest  digest.Digest // the name
	Target  digest.Digest // under which the bytes are stored
	Changed time.Time     // when it was last written; zero for one that was set aside
	Since   time.Time     // when it was set aside, else zero
	Run     string        // the run that set it aside
}

// Condemned reports whether l was set aside.
func (l Link) Condemned() bool { return l.Run != "" }

// sentence is the content of the files below /oarlock/gc.
type sentence struct {
	Target digest.Digest `json:"target"`
	Since  time.Time     `json:"since"`
	Run    string        `json:"run"`
}

// Writable is an error for a registry that was opened read-only.
func (s Sweep) Writable() error {
	if s.g.opts.ReadOnly {
		return fmt.Errorf("registry was opened read-only: %w", artifact.ErrDenied)
	}
	return nil
}

// Begin waits until no other collection runs and makes this the only one.
func (s Sweep) Begin(ctx context.Context) (end func(), err error) {
	return s.g.opts.Locker.Lock(ctx, "collection", false)
}

// Lock excludes every push to repo and every delete in it.
func (s Sweep) Lock(ctx context.Context, repo string) (unlock func(), err error) {
	return s.g.opts.Locker.Lock(ctx, "repository/"+repo, false)
}

// Repositories calls fn for every repository that holds or held a link, also
// those that no manifest was ever pushed to.
func (s Sweep) Repositories(ctx context.Context, fn func(repository string) error) error {
	places := []struct{ root, leaf string }{{repositoryRoot, "_manifests"}, {repositoryRoot, "_layers"}, {condemnedRoot, condemnedLeaf}}
	for i, place := range places {
		err := s.g.walkNames(ctx, place.root, place.leaf, func(repo string) error {
			for _, before := range places[:i] {
				if _, err := s.raw().Stat(ctx, path.Join(before.root, repo, before.leaf)); err == nil {
					return nil
				} else if !isNotFound(err) {
					return err
				}
			}
			return fn(repo)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Links calls fn for every link of repo, those in force before those that were
// set aside, and bad for each that cannot be read; its Digest is "" where the
// name is no digest either. A link that known has, by kind, digest and whether
// it was set aside, is not read again.
func (s Sweep) Links(ctx context.Context, repo string, known func(LinkKind, digest.Digest, bool) (Link, bool), fn func(Link), bad func(Damage)) error {
	for _, kind := range []LinkKind{ManifestLink, BlobLink} {
		for _, alg := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
			dir := path.Join(linkDir(repo, kind), alg.String())
			err := s.list(ctx, dir, func(at string) error {
				if l, ok := known(kind, digest.NewDigestFromEncoded(alg, path.Base(at)), false); ok {
					fn(l)
					return nil
				}
				return s.link(ctx, repo, kind, alg, at, fn, bad)
			})
			if err != nil {
				return err
			}
		}
	}
	for _, kind := range []LinkKind{ManifestLink, BlobLink} {
		err := s.list(ctx, path.Join(condemnedRoot, repo, condemnedLeaf, string(kind)+"s"), func(at string) error {
			d, ok := linkName(at)
			if !ok {
				return nil // left behind by a cut write
			}
			if l, ok := known(kind, d, true); ok {
				fn(l)
				return nil
			}
			return s.aside(ctx, repo, kind, d, at, fn, bad)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// aside reads one link that was set aside.
func (s Sweep) aside(ctx context.Context, repo string, kind LinkKind, d digest.Digest, at string, fn func(Link), bad func(Damage)) error {
	told, err := s.sentence(ctx, at, d)
	var damage *Damage
	switch {
	case errors.Is(err, artifact.ErrNotFound):
	case errors.As(err, &damage):
		damage.Repository = repo
		bad(*damage)
	case err != nil:
		return err
	default:
		fn(Link{Kind: kind, Digest: d, Target: told.Target, Since: told.Since, Run: told.Run})
	}
	return nil
}

// link reads one link in force.
func (s Sweep) link(ctx context.Context, repo string, kind LinkKind, alg digest.Algorithm, dir string, fn func(Link), bad func(Damage)) error {
	d := digest.NewDigestFromEncoded(alg, path.Base(dir))
	if d.Validate() != nil {
		bad(Damage{Repository: repo, Path: dir, What: "the path names no digest"})
		return nil
	}
	at := path.Join(dir, "link")
	fi, err := s.raw().Stat(ctx, at)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", at, err)
	}
	content, err := s.raw().GetContent(ctx, at)
	if isNotFound(err) || err == nil && len(content) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", at, err)
	}
	to, err := digest.Parse(string(content))
	if err != nil || (alg == digest.SHA256 && to != d) {
		bad(Damage{Repository: repo, Digest: d, Path: at, What: fmt.Sprintf("is a link with content %.80q", content)})
		return nil
	}
	fn(Link{Kind: kind, Digest: d, Target: to, Changed: fi.ModTime()})
	return nil
}

// Uploads says when the oldest upload in progress in repo began; false when
// there is none.
func (s Sweep) Uploads(ctx context.Context, repo string) (oldest time.Time, any bool, err error) {
	oldest, any = s.g.sessions.oldest(repo)
	err = s.list(ctx, path.Join(repositoryRoot, repo, "_uploads"), func(at string) error {
		if !isUploadID(path.Base(at)) {
			return nil
		}
		content, err := s.raw().GetContent(ctx, path.Join(at, "startedat"))
		began, parse := time.Parse(time.RFC3339, string(content))
		if err != nil && !isNotFound(err) {
			return fmt.Errorf("read %s: %w", at, err)
		}
		if err != nil || parse != nil {
			fi, err := s.raw().Stat(ctx, at)
			if isNotFound(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read %s: %w", at, err)
			}
			began = fi.ModTime()
		}
		if !any || began.Before(oldest) {
			oldest, any = began, true
		}
		return nil
	})
	return oldest, any, err
}

// Content is what a stored manifest holds and what it speaks about.
type Content struct {
	References []digest.Digest
	Subject    digest.Digest // or ""
}

// Content reads the manifest that repo stores as d, checked against d and kept
// in no cache. A *Damage means that what it holds is not known: its bytes are
// gone, are others, or are of a form that this registry cannot read.
func (s Sweep) Content(ctx context.Context, repo string, d digest.Digest) (Content, error) {
	m, err := s.manifest(ctx, repo, d)
	if err != nil {
		return Content{}, err
	}
	var c Content
	add := func(d digest.Digest) { c.References = append(c.References, digest.Digest(strings.Clone(d.String()))) }
	if m.Config != nil {
		add(m.Config.Digest)
	}
	for _, l := range m.Layers {
		add(l.Digest)
	}
	for _, child := range m.Manifests {
		add(child.Digest)
	}
	if m.Subject != nil {
		c.Subject = digest.Digest(strings.Clone(m.Subject.Digest.String()))
	}
	return c, nil
}

func (s Sweep) manifest(ctx context.Context, repo string, d digest.Digest) (*manifest, error) {
	at := blobPath(d)
	bad := func(format string, args ...any) (*manifest, error) {
		return nil, &Damage{Repository: repo, Digest: d, Path: at, What: fmt.Sprintf(format, args...)}
	}
	content, err := s.raw().GetContent(ctx, at)
	switch {
	case isNotFound(err):
		return bad("the manifest's bytes are missing")
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", at, err)
	}
	if got := d.Algorithm().FromBytes(content); got != d {
		return bad("the manifest's bytes have digest %s", got)
	}
	m, err := readManifest(content)
	if err != nil {
		return bad("not a manifest: %s", err)
	}
	switch m.mediaType {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, dockerManifest, dockerList:
		if m.SchemaVersion == 2 {
			return m, nil
		}
	}
	return bad("a manifest of schema version %d and type %.100q: what it holds is not known", m.SchemaVersion, m.mediaType)
}

// list calls fn for every entry of dir, which may be missing.
func (s Sweep) list(ctx context.Context, dir string, fn func(at string) error) error {
	entries, err := s.raw().List(ctx, dir)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// sentence reads a file of the collector about the link or bytes named d.
func (s Sweep) sentence(ctx context.Context, at string, d digest.Digest) (sentence, error) {
	content, err := s.raw().GetContent(ctx, at)
	if isNotFound(err) {
		return sentence{}, artifact.ErrNotFound
	}
	if err != nil {
		return sentence{}, fmt.Errorf("read %s: %w", at, err)
	}
	return parseSentence(at, d, content)
}

// parseSentence reads what a collector wrote about d. These files are not
// synced; of one that a power cut emptied, the name says what is needed: the
// time counts as long ago, which only a collector asks for.
func parseSentence(at string, d digest.Digest, content []byte) (sentence, error) {
	var told sentence
	if json.Unmarshal(content, &told) == nil && told.Target.Validate() == nil && told.Run != "" {
		return told, nil
	}
	if d.Algorithm() == digest.SHA256 {
		return sentence{Target: d, Run: "unknown"}, nil
	}
	return told, &Damage{Path: at, Digest: d, What: fmt.Sprintf("is a file of the collector with content %.80q", content)}
}

// put writes a file of the collector. It is whole or not there, but not
// synced: losing it costs what nothing reaches, or another run.
func (s Sweep) put(ctx context.Context, at string, told sentence) error {
	content, err := json.Marshal(told)
	if err != nil {
		return err
	}
	if s.g.driver.root != "" {
		return s.g.driver.putScratch(at, content)
	}
	return s.raw().PutContent(ctx, at, content)
}

// raw is the driver below the hooks of sweep_revive.go: looking through it
// brings nothing back.
func (s Sweep) raw() storagedriver.StorageDriver { return s.g.driver.StorageDriver }
