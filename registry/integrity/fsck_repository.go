package integrity

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
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// repository checks manifests and tags of repo.
func (f *fsck) repository(ctx context.Context, repo string) error {
	manifests := 0
	err := f.eachLink(ctx, repo, driver.RevisionsDir(repo), driver.ManifestLink, func(d, to digest.Digest, _ string) {
		manifests++
		if f.content(ctx, repo, driver.ManifestLink, d, to) && d == to {
			f.manifest(ctx, repo, d)
		}
	})
	if err != nil {
		return err
	}
	if _, err := f.g.driver.Stat(ctx, driver.MarkPath(repo)); manifests > 0 && err != nil {
		f.unlisted = append(f.unlisted, repo)
	}
	names, err := f.g.store.TagNames(ctx, repo)
	if err != nil {
		return err
	}
	for _, name := range names {
		f.tag(ctx, repo, name)
	}
	return nil
}

func (f *fsck) tag(ctx context.Context, repo, name string) {
	d, err := f.g.store.ReadLink(ctx, driver.TagPath(repo, name))
	err = storage.Placed(err, repo, name, "")
	if errors.Is(err, artifact.ErrNotFound) {
		return
	}
	if err == nil {
		if _, err = f.g.store.ReadLink(ctx, driver.RevisionPath(repo, d)); errors.Is(err, artifact.ErrNotFound) {
			f.damaged(ctx, driver.Damage{Kind: driver.LostTag, Repository: repo, Tag: name, Digest: d, Path: driver.TagPath(repo, name), What: "the tag means a manifest that is not in the repository", Target: d, Link: driver.ManifestLink})
			return
		}
	}
	var known *driver.Damage
	if errors.As(err, &known) {
		known.Kind, known.Repository, known.Tag = driver.DamagedTag, repo, name
		f.damaged(ctx, *known)
	} else if err != nil {
		f.damaged(ctx, driver.Damage{Kind: driver.DamagedTag, Repository: repo, Tag: name, Digest: d, Path: driver.TagPath(repo, name), What: "cannot be read: " + err.Error()})
	}
}

// manifest checks that what d references is in the repository, and that its
// subject knows of it.
func (f *fsck) manifest(ctx context.Context, repo string, d digest.Digest) {
	at := driver.BlobPath(d)
	m, err := f.g.store.LoadManifest(ctx, repo, d)
	if errors.Is(err, artifact.ErrNotFound) {
		return
	}
	var known *driver.Damage
	if errors.As(err, &known) {
		f.damaged(ctx, *known)
		return
	}
	if err != nil {
		f.damaged(ctx, driver.Damage{Repository: repo, Digest: d, Path: at, What: "cannot be read: " + err.Error()})
		return
	}
	for _, ref := range m.References() {
		var err error
		kind := driver.BlobLink
		if m.IsIndex() {
			kind = driver.ManifestLink
			_, err = f.g.store.ReadLink(ctx, driver.RevisionPath(repo, ref.Digest))
		} else if len(ref.URLs) == 0 {
			_, err = f.g.store.ReadLink(ctx, driver.LayerPath(repo, ref.Digest))
		}
		switch known := (*driver.Damage)(nil); {
		case err == nil, errors.As(err, &known): // a damaged link is reported with the links
		case !errors.Is(err, artifact.ErrNotFound):
			f.damaged(ctx, driver.Damage{Repository: repo, Digest: d, Path: at, What: fmt.Sprintf("could not tell whether %s, which it references, is in the repository: %s", ref.Digest, err)})
		default:
			lost := driver.Damage{Kind: driver.MissingReference, Repository: repo, Digest: d, Path: at, What: fmt.Sprintf("references %s, which is not in the repository", ref.Digest), Target: ref.Digest, Link: kind}
			if f.damaged(ctx, lost) && kind == driver.ManifestLink {
				f.manifest(ctx, repo, ref.Digest)
			}
		}
	}
	if m.Subject == nil || m.Subject.Digest.Validate() != nil {
		return
	}
	link := driver.ReferrerPath(repo, m.Subject.Digest, d)
	f.stored(ctx, driver.Damage{Kind: driver.DamagedReferrer, Repository: repo, Digest: d, Path: link, What: fmt.Sprintf("the referrer link to subject %s is missing", m.Subject.Digest), Target: d})
}

// stored reports absent where nothing is stored at its path. Where that could not
// be told it says so, and nothing mends it: what is not known to be missing may be
// there.
func (f *fsck) stored(ctx context.Context, absent driver.Damage) {
	_, err := f.g.driver.Stat(ctx, absent.Path)
	switch {
	case driver.IsNotFound(err):
		f.damaged(ctx, absent)
	case err != nil:
		f.damaged(ctx, driver.Damage{Repository: absent.Repository, Digest: absent.Digest, Path: absent.Path, What: "cannot be read: " + err.Error()})
	}
}

// listing is for how long a repository whose first manifest was just stored may be
// missing in the list: a push stores the one and then the other.
const listing = time.Second

// lists checks that what holds manifests is in the list of repositories, once what was
// being pushed meanwhile is there too.
func (f *fsck) lists(ctx context.Context) error {
	if len(f.unlisted) == 0 {
		return nil
	}
	wait := time.NewTimer(listing)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, repo := range f.unlisted {
		f.stored(ctx, driver.Damage{Kind: driver.MissingMark, Repository: repo, Path: driver.MarkPath(repo),
			What: "the repository is missing in the list of repositories"})
	}
	return nil
}

// links checks every referrer link of repo against the manifest it describes.
func (f *fsck) links(ctx context.Context, repo string) error {
	root := path.Join(driver.ReferrerRoot, repo, "_subject")
	err := f.g.driver.Walk(ctx, root, func(fi storagedriver.FileInfo) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, ok := driver.LinkName(fi.Path())
		if fi.IsDir() || !ok {
			return nil
		}
		if what := f.link(ctx, repo, d, fi.Path()); what != "" {
			f.damaged(ctx, driver.Damage{Kind: driver.DamagedReferrer, Repository: repo, Digest: d, Path: fi.Path(), What: what, Target: d})
		}
		return nil
	})
	if driver.IsNotFound(err) {
		return nil
	}
	return err
}

func (f *fsck) link(ctx context.Context, repo string, d digest.Digest, at string) (what string) {
	content, err := f.g.driver.GetContent(ctx, at)
	if driver.IsNotFound(err) {
		return ""
	}
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	var desc ocispec.Descriptor
	if json.Unmarshal(content, &desc) != nil || desc.Digest != d {
		return "the referrer link is no descriptor of " + d.String()
	}
	m, err := f.g.store.LoadManifest(ctx, repo, d)
	if errors.Is(err, artifact.ErrNotFound) {
		return "the referrer link describes a manifest that is not in the repository"
	}
	if err != nil {
		return "" // reported with the manifest
	}
	if m.Subject == nil || !strings.HasPrefix(at, driver.SubjectDir(repo, m.Subject.Digest)+"/") {
		return "the referrer link describes a manifest that has another subject"
	}
	return ""
}
