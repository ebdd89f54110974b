package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Viewable holds what a registry could serve, in a form of its own.
type Viewable interface {
	// Names are the repositories, sorted; those that ever held a manifest.
	Names() []string
	// Held says what one of them holds.
	Held(ctx context.Context, repository string) (Held, error)
	// Bytes reads what is stored as d; artifact.ErrNotFound where nothing is.
	Bytes(d digest.Digest) (io.ReadCloser, error)
}

// Held is what one repository holds.
type Held struct {
	Tags  map[string]digest.Digest
	Links []storage.Link
}

// View reads what h holds as a registry does: the same content gives the same
// answers as if it were stored. It takes no lock, and nothing can be written. The
// caller closes it.
func View(ctx context.Context, h Viewable, o storage.Options) (*storage.Storage, error) {
	o.Driver, o.Parameters, o.ReadOnly = driver.InstanceDriver, map[string]any{"instance": &view{holder: h}}, true
	return storage.Open(ctx, o)
}

// view is a driver over a Viewable. It makes up the files of one repository at
// a time.
type view struct {
	holder Viewable

	mu    sync.Mutex
	files []*viewed // the last ones, newest first
}

// viewed is one repository as files below the roots of a registry.
type viewed struct {
	repo    string
	content map[string][]byte
	entries map[string][]string
}

const viewsKept = 8

func (v *view) Name() string { return "view" }

func (v *view) GetContent(ctx context.Context, at string) ([]byte, error) {
	r, err := v.Reader(ctx, at, 0)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}

func (v *view) Reader(ctx context.Context, at string, offset int64) (io.ReadCloser, error) {
	var r io.ReadCloser
	if d, ok := driver.BlobAt(at); ok {
		body, err := v.holder.Bytes(d)
		if errors.Is(err, artifact.ErrNotFound) {
			return nil, v.missing(at)
		}
		if err != nil {
			return nil, err
		}
		r = body
	} else {
		content, err := v.file(ctx, at)
		if err != nil {
			return nil, err
		}
		r = io.NopCloser(bytes.NewReader(content))
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// file is the content of one that the repository's links make up.
func (v *view) file(ctx context.Context, at string) ([]byte, error) {
	repo := repositoryOf(at)
	if strings.HasPrefix(at, driver.MarkRoot+"/") && path.Base(at) == driver.MarkFile {
		if repo = strings.TrimPrefix(path.Dir(at), driver.MarkRoot+"/"); v.has(repo) {
			return []byte(repo), nil
		}
		return nil, v.missing(at)
	}
	if repo == "" {
		return nil, v.missing(at)
	}
	one, err := v.repository(ctx, repo)
	if err != nil {
		return nil, err
	}
	if content, ok := one.content[at]; ok {
		return content, nil
	}
	return nil, v.missing(at)
}

func (v *view) Stat(ctx context.Context, at string) (storagedriver.FileInfo, error) {
	content, err := v.GetContent(ctx, at)
	if err != nil {
		return nil, err
	}
	return storagedriver.FileInfoInternal{FileInfoFields: storagedriver.FileInfoFields{Path: at, Size: int64(len(content))}}, nil
}

// List answers for the list of repositories and for the folders of one.
func (v *view) List(ctx context.Context, at string) ([]string, error) {
	var found []string
	if below, ok := strings.CutPrefix(at+"/", driver.MarkRoot+"/"); ok {
		found = v.names(at, below)
	} else if repo := repositoryOf(at); repo != "" {
		one, err := v.repository(ctx, repo)
		if err != nil {
			return nil, err
		}
		found = one.entries[at]
	}
	if len(found) == 0 {
		return nil, v.missing(at)
	}
	return slices.Clone(found), nil
}

// names lists what the list of repositories has at the folder at, whose names
// begin with below.
func (v *view) names(at, below string) (found []string) {
	if v.has(strings.TrimSuffix(below, "/")) {
		found = append(found, path.Join(at, driver.MarkFile))
	}
	names := v.holder.Names()
	first, _ := slices.BinarySearch(names, below)
	last := ""
	for _, name := range names[first:] {
		rest, ok := strings.CutPrefix(name, below)
		if !ok {
			break
		}
		if child, _, _ := strings.Cut(rest, "/"); child != last {
			last = child
			found = append(found, path.Join(at, child))
		}
	}
	return found
}

func (v *view) has(repo string) bool {
	_, ok := slices.BinarySearch(v.holder.Names(), repo)
	return ok
}

// repositoryOf is the repository of a path that belongs to one, or "".
func repositoryOf(at string) string {
	for _, root := range []string{driver.RepositoryRoot, driver.ReferrerRoot} {
		if rest, ok := strings.CutPrefix(at, root+"/"); ok {
			repo, _, found := strings.Cut(rest, "/_")
			if found {
				return repo
			}
		}
	}
	return ""
}

func (v *view) repository(ctx context.Context, repo string) (*viewed, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := slices.IndexFunc(v.files, func(one *viewed) bool { return one.repo == repo }); i >= 0 {
		one := v.files[i]
		v.files = slices.Insert(slices.Delete(v.files, i, i+1), 0, one)
		return one, nil
	}
	one := &viewed{repo: repo, content: map[string][]byte{}, entries: map[string][]string{}}
	if v.has(repo) {
		held, err := v.holder.Held(ctx, repo)
		if err != nil {
			return nil, err
		}
		if err := v.fill(one, held); err != nil {
			return nil, err
		}
	}
	v.files = slices.Insert(v.files, 0, one)
	v.files = v.files[:min(len(v.files), viewsKept)]
	return one, nil
}

func (v *view) fill(one *viewed, held Held) error {
	for tag, to := range held.Tags {
		one.add(driver.TagPath(one.repo, tag), []byte(to), driver.TagDir(one.repo, tag))
	}
	for _, l := range held.Links {
		at := driver.LinkPath(one.repo, l.Kind, l.Digest)
		one.add(at, []byte(l.Target), path.Dir(at))
		if l.Kind != driver.ManifestLink || !storage.IsWhole(l) {
			continue
		}
		r, err := v.holder.Bytes(l.Target)
		if errors.Is(err, artifact.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil && !errors.Is(err, artifact.ErrUnverified) {
			return err
		}
		m, bad := storage.ReadManifest(content)
		if err != nil || bad != nil || m.Subject == nil || m.Subject.Digest.Validate() != nil {
			continue
		}
		if content, err = json.Marshal(m.Descriptor()); err != nil {
			return err
		}
		at = driver.ReferrerPath(one.repo, m.Subject.Digest, m.Digest)
		one.add(at, content, at)
	}
	return nil
}

// add makes a file, and an entry of the folder that is listed for it.
func (one *viewed) add(at string, content []byte, entry string) {
	one.content[at] = content
	one.entries[path.Dir(entry)] = append(one.entries[path.Dir(entry)], entry)
}

func (v *view) Walk(ctx context.Context, at string, f storagedriver.WalkFn, o ...func(*storagedriver.WalkOptions)) error {
	return storagedriver.WalkFallback(ctx, v, at, f, o...)
}

func (v *view) missing(at string) error {
	return storagedriver.PathNotFoundError{Path: at, DriverName: v.Name()}
}

func (v *view) denied(at string) error {
	return fmt.Errorf("%s: a view cannot be written: %w", at, artifact.ErrDenied)
}

func (v *view) PutContent(_ context.Context, at string, _ []byte) error { return v.denied(at) }

func (v *view) Writer(_ context.Context, at string, _ bool) (storagedriver.FileWriter, error) {
	return nil, v.denied(at)
}

func (v *view) Move(_ context.Context, _, at string) error { return v.denied(at) }

func (v *view) Delete(_ context.Context, at string) error { return v.denied(at) }

func (v *view) RedirectURL(*http.Request, string) (string, error) { return "", nil }
