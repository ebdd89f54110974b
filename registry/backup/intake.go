package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// An Intake writes what a backup holds into a registry that serves nobody yet.
// No rule of the gate is asked: what was kept once is kept again. Bytes go
// first, then links, and tags last, so that a cut leaves nothing that names
// what is not there. Every step may be taken again.
type Intake struct {
	store  *storage.Storage
	blocks Blocks
}

// Blocks takes back what was blocked.
type Blocks interface {
	RestoreBlock(ctx context.Context, b block.Block) error
}

// NewIntake writes into s, and what was blocked into blocks.
func NewIntake(s *storage.Storage, blocks Blocks) Intake { return Intake{s, blocks} }

// Empty is an error that wraps artifact.ErrConflict and names what is there
// where the storage that o names holds anything at all. Nothing is made or changed.
func Empty(ctx context.Context, o driver.Options) error {
	d, err := driver.Peek(ctx, o)
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	entries, err := d.List(ctx, "/")
	if driver.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("registry: %w", driver.S3Hint(err))
	}
	for _, e := range entries {
		if path.Base(e) != ".lock" {
			return fmt.Errorf("registry: the storage holds %q: it is not empty: %w", e, artifact.ErrConflict)
		}
	}
	return nil
}

// Has reports whether the bytes of d are stored and whole; it reads them.
func (i Intake) Has(ctx context.Context, d digest.Digest) (bool, error) {
	r, err := i.store.Driver().Reader(ctx, driver.BlobPath(d), 0)
	if driver.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", driver.BlobPath(d), err)
	}
	defer r.Close()
	v := d.Verifier()
	if _, err := io.Copy(v, r); err != nil {
		return false, fmt.Errorf("read %s: %w", driver.BlobPath(d), err)
	}
	return v.Verified(), nil
}

// Bytes stores what r gives under d, and checks it on the way. Other bytes
// than d's are not stored, and wrap artifact.ErrUnverified.
func (i Intake) Bytes(ctx context.Context, d digest.Digest, r io.Reader) (err error) {
	w, err := i.store.Driver().Writer(ctx, driver.BlobPath(d), false)
	if err != nil {
		return fmt.Errorf("write %s: %w", driver.BlobPath(d), err)
	}
	v := d.Verifier()
	_, err = io.Copy(w, io.TeeReader(r, v))
	if err == nil && !v.Verified() {
		err = fmt.Errorf("the bytes have another digest than %s: %w", d, artifact.ErrUnverified)
	}
	if err == nil {
		err = w.Commit(ctx)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", driver.BlobPath(d), err), w.Cancel(ctx))
	}
	return w.Close()
}

// Link makes the manifest or blob that l names belong to repo.
func (i Intake) Link(ctx context.Context, repo string, l storage.Link) error {
	if err := errors.Join(storage.CheckRepository(repo), l.Digest.Validate(), l.Target.Validate()); err != nil {
		return fmt.Errorf("link %.200q of %.300q: %w: %w", l.Digest, repo, err, artifact.ErrInvalid)
	}
	at := driver.LinkPath(repo, l.Kind, l.Digest)
	if content, err := i.store.Driver().StorageDriver.GetContent(ctx, at); err == nil && string(content) == l.Target.String() {
		return nil
	}
	return i.store.PutLink(ctx, at, l.Target)
}

// Mark puts repo into the list of those that held a manifest.
func (i Intake) Mark(ctx context.Context, repo string) error {
	if err := storage.CheckRepository(repo); err != nil {
		return err
	}
	return i.store.Mark(ctx, repo)
}

// Refer writes what the subject of the manifest d of repo knows of it. A
// manifest that is damaged or missing is left for Fsck to name.
func (i Intake) Refer(ctx context.Context, repo string, d digest.Digest) error {
	return i.store.Relink(ctx, repo, d)
}

// Tag makes tag of repo mean d.
func (i Intake) Tag(ctx context.Context, repo, tag string, d digest.Digest) error {
	if err := errors.Join(storage.CheckRepository(repo), d.Validate()); err != nil {
		return fmt.Errorf("tag %.140q of %.300q: %w: %w", tag, repo, err, artifact.ErrInvalid)
	}
	if !storage.IsTag(tag) {
		return fmt.Errorf("tag %.140q: %w", tag, artifact.ErrInvalid)
	}
	_, was, err := i.store.HeldTag(ctx, repo, tag)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified) {
		return err
	}
	return i.store.SetTag(ctx, repo, tag, d, was)
}

// Block makes b hold as it did where it was taken from.
func (i Intake) Block(ctx context.Context, b block.Block) error {
	return i.blocks.RestoreBlock(ctx, b)
}
