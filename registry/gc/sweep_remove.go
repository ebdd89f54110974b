package gc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// SetAside sets a link aside. It is false when the link was written again since
// it was listed. The caller holds the repository's lock.
func (s Sweep) SetAside(ctx context.Context, repo string, l storage.Link, run string, now time.Time) (bool, error) {
	defer driver.LockSweep()()
	at := driver.LinkPath(repo, l.Kind, l.Digest)
	fi, err := s.raw().Stat(ctx, at)
	if driver.IsNotFound(err) || err == nil && !fi.ModTime().Equal(l.Changed) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := s.put(ctx, driver.SetAsidePath(repo, l.Kind, l.Digest), driver.Tombstone{Target: l.Target, Since: now.UTC(), Run: run}); err != nil {
		return false, err
	}
	err = s.store.DeleteLink(ctx, at, at)
	s.store.ForgetManifest(repo, l.Digest)
	if err != nil && !driver.IsNotFound(err) {
		return false, err
	}
	return true, nil
}

// PutBack puts a link back that was set aside.
func (s Sweep) PutBack(ctx context.Context, repo string, l storage.Link) error {
	_, err := s.store.Driver().GetContent(ctx, driver.LinkPath(repo, l.Kind, l.Digest))
	if driver.IsNotFound(err) {
		return nil // dropped meanwhile
	}
	if err != nil {
		return err
	}
	return driver.MissingIsFine(s.raw().Delete(ctx, driver.SetAsidePath(repo, l.Kind, l.Digest)))
}

// Drop drops a link that was set aside, and with a manifest what its subject
// knows of it. It is false when the link was written again meanwhile: that link
// stays. The caller holds the repository's lock, and says what is gone (Dropped)
// once he gave it back.
func (s Sweep) Drop(ctx context.Context, repo string, l storage.Link) (gone []registry.Event, dropped bool, err error) {
	event := registry.Event{Kind: registry.ManifestDeleted, Repository: repo, Descriptor: ocispec.Descriptor{Digest: l.Target}, Time: s.store.Now()}
	dropped, err = s.drop(ctx, repo, l, &event)
	if dropped && storage.IsWhole(l) {
		s.blocks.Forget(repo)
		gone = []registry.Event{event}
	}
	return gone, dropped, err
}

// Dropped says that manifests of one repository are gone. The caller holds no
// lock of it.
func (s Sweep) Dropped(ctx context.Context, gone []registry.Event) {
	if len(gone) > 0 {
		s.server.Dropped(ctx, gone...)
	}
}

func (s Sweep) drop(ctx context.Context, repo string, l storage.Link, event *registry.Event) (bool, error) {
	defer driver.LockSweep()()
	at, aside := driver.LinkPath(repo, l.Kind, l.Digest), driver.SetAsidePath(repo, l.Kind, l.Digest)
	_, err := s.raw().Stat(ctx, at)
	if err == nil {
		return false, driver.MissingIsFine(s.raw().Delete(ctx, aside))
	}
	if !driver.IsNotFound(err) {
		return false, err
	}
	if storage.IsWhole(l) {
		m, err := s.store.ReadPast(ctx, repo, l.Target)
		if err != nil {
			return false, err
		}
		event.Descriptor = m.Descriptor()
		if m.Subject != nil {
			event.Subject = m.Subject.Digest
		}
		if err := s.store.RemoveReferrer(ctx, repo, m); err != nil {
			return false, err
		}
	}
	if err := driver.MissingIsFine(s.raw().Delete(ctx, aside)); err != nil {
		return false, err
	}
	s.store.ForgetManifest(repo, l.Digest)
	s.removeEmpty(path.Dir(at))
	return true, nil
}

// Recover finishes what a killed collection left: bytes on their way out come
// back, to be judged again.
func (s Sweep) Recover(ctx context.Context) error {
	return s.store.Driver().Digests(ctx, driver.RemovedRoot, func(d digest.Digest, at string) error {
		defer driver.LockSweep()()
		if _, err := s.store.Driver().MoveBack(ctx, d); err != nil {
			return err
		}
		return driver.MissingIsFine(s.raw().Delete(ctx, at))
	})
}

// Bytes calls fn for everything that is stored by digest, linked or not. With
// a time, empty folders that did not change since are removed on the way.
func (s Sweep) Bytes(ctx context.Context, emptySince time.Time, fn func(d digest.Digest, size int64, changed time.Time) error) error {
	err := s.raw().Walk(ctx, driver.BlobRoot, func(fi storagedriver.FileInfo) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if fi.IsDir() {
			if fi.ModTime().Before(emptySince) && s.removeEmpty(fi.Path()) {
				return storagedriver.ErrSkipDir
			}
			return nil
		}
		if d, ok := driver.BlobAt(fi.Path()); ok {
			return fn(d, fi.Size(), fi.ModTime())
		}
		return nil
	})
	return driver.MissingIsFine(err)
}

// Size is how many bytes are stored as d; false when d is not stored.
func (s Sweep) Size(ctx context.Context, d digest.Digest) (size int64, stored bool, err error) {
	return s.store.Size(ctx, d)
}

// Marked calls fn for all bytes that Mark named and nobody looked for since.
func (s Sweep) Marked(ctx context.Context, fn func(d digest.Digest) error) error {
	return s.store.Driver().Digests(ctx, driver.MarkedRoot, func(d digest.Digest, _ string) error { return fn(d) })
}

// MarkedSince says when and in which run bytes were marked; false when they were
// not. What cannot be read was not, and is marked afresh.
func (s Sweep) MarkedSince(ctx context.Context, d digest.Digest) (since time.Time, run string, marked bool, err error) {
	told, err := s.store.Tombstone(ctx, driver.MarkedPath(d), d)
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
		return time.Time{}, "", false, nil
	}
	return told.Since, told.Run, err == nil, err
}

// Mark names bytes that no link leads to, for Remove in a later run. Whoever
// looks for them until then takes it back.
func (s Sweep) Mark(ctx context.Context, d digest.Digest, run string, now time.Time) error {
	return s.put(ctx, driver.MarkedPath(d), driver.Tombstone{Target: d, Since: now.UTC(), Run: run})
}

// Unmark takes back that d was marked.
func (s Sweep) Unmark(ctx context.Context, d digest.Digest) error {
	return s.store.Driver().Unmark(ctx, d)
}

// Remove removes marked bytes for good. It is false when they are not marked
// any more: whoever looked for them keeps them.
func (s Sweep) Remove(ctx context.Context, d digest.Digest) (bool, error) {
	defer driver.LockSweep()()
	marked := func() (bool, error) {
		_, err := s.raw().Stat(ctx, driver.MarkedPath(d))
		return err == nil, driver.MissingIsFine(err)
	}
	if still, err := marked(); !still || err != nil {
		return false, err
	}
	if err := s.raw().Move(ctx, driver.BlobPath(d), driver.RemovedPath(d)); err != nil {
		return false, fmt.Errorf("remove %s: %w", d, err)
	}
	if still, err := marked(); !still || err != nil {
		_, back := s.store.Driver().MoveBack(ctx, d)
		return false, errors.Join(err, back)
	}
	s.store.ForgetBlob(d)
	for _, at := range []string{driver.RemovedPath(d), driver.MarkedPath(d)} {
		if err := driver.MissingIsFine(s.raw().Delete(ctx, at)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// removeEmpty removes a folder of the filesystem if nothing is in it. While
// somebody writes it leaves that to a later run: the folder may be the one that
// was just made for a file to come.
func (s Sweep) removeEmpty(dir string) bool {
	d := s.store.Driver()
	if d.Root() == "" || !d.TryFolders() {
		return false
	}
	defer d.FreeFolders()
	return os.Remove(filepath.Join(d.Root(), dir)) == nil
}
