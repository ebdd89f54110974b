package integrity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// An Origin is another registry from which damaged or missing bytes are
// fetched again. What it gives is believed only when its digest holds.
type Origin interface {
	// Name says which one it is, in logs and reports.
	Name() string
	// Fetch opens the manifest or blob d of repository, which the caller closes.
	Fetch(ctx context.Context, repository string, kind driver.LinkKind, d digest.Digest) (io.ReadCloser, error)
}

// mendBytes makes the bytes of d good again and says how: from where they were
// quarantined, if they are good there, from memory, or from the first origin
// that has them for repo. "" with an error says why not.
func (k *Checker) mendBytes(ctx context.Context, repo string, kind driver.LinkKind, d digest.Digest) (how string, err error) {
	if how, err := k.store.Unquarantine(ctx, d); how != "" || err != nil {
		return how, err
	}
	if how, err := k.store.FromMemory(ctx, d); how != "" || err != nil {
		return how, err
	}
	if len(k.origins) == 0 {
		return "", fmt.Errorf("%s: no mirror is configured to fetch it from; push it again: %w", d, artifact.ErrNotFound)
	}
	want, err := k.wantedSize(ctx, repo, kind, d)
	if err != nil {
		return "", err
	}
	var errs []error
	for _, o := range k.origins {
		err := k.fetchFrom(ctx, o, repo, kind, d, want)
		if err == nil {
			return "fetched from " + o.Name(), nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", o.Name(), err))
		if ctx.Err() != nil {
			break
		}
	}
	return "", errors.Join(errs...)
}

// maxUnnamed bounds a blob whose size no good manifest says, in bytes.
const maxUnnamed = 64 << 20

// A wantedSize is what an origin may send.
type wantedSize struct {
	most  int64
	exact bool // most is its size
}

// wantedSize says how large d may be: as large as a manifest of repo says that
// names it, so that no origin fills the disk.
func (k *Checker) wantedSize(ctx context.Context, repo string, kind driver.LinkKind, d digest.Digest) (wantedSize, error) {
	if kind == driver.ManifestLink {
		return wantedSize{most: artifact.MaxManifest}, nil
	}
	found := wantedSize{most: maxUnnamed}
	err := k.store.Revisions(ctx, repo, func(at digest.Digest) error {
		if found.exact {
			return nil
		}
		m, err := k.store.ManifestBytes(ctx, at)
		if err != nil || m == nil {
			return ctx.Err() // damaged as well: another may name it
		}
		for _, ref := range m.References() {
			if ref.Digest == d && ref.Size >= 0 {
				found = wantedSize{ref.Size, true}
			}
		}
		return nil
	})
	return found, err
}

// bounded reads at most what is wanted of what an origin gives.
type bounded struct {
	r    io.Reader
	left int64
	want wantedSize
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, fmt.Errorf("it gave more than %d bytes: %w", b.want.most, artifact.ErrUnverified)
	}
	if errors.Is(err, io.EOF) && b.left > 0 && b.want.exact {
		return n, fmt.Errorf("it gave %d bytes, expected %d: %w", b.want.most-b.left, b.want.most, artifact.ErrUnverified)
	}
	return n, err
}

// fetchFrom writes what o gives beside the place, checks it, and moves it
// there. What is small is checked before anything is written; of the rest no
// more is written than is wanted.
func (k *Checker) fetchFrom(ctx context.Context, o Origin, repo string, kind driver.LinkKind, d digest.Digest, want wantedSize) error {
	from, err := o.Fetch(ctx, repo, kind, d)
	if err != nil {
		return err
	}
	defer from.Close()
	digester := d.Algorithm().Digester()
	var body io.Reader = &bounded{from, want.most, want}
	if want.most <= artifact.MaxManifest {
		small, err := io.ReadAll(storage.PacedReader(ctx, body, nil))
		if err != nil {
			return err
		}
		if got := d.Algorithm().FromBytes(small); got != d {
			return fmt.Errorf("it gave %d bytes with digest %s: %w", len(small), got, artifact.ErrUnverified)
		}
		body = bytes.NewReader(small)
	}
	at := storage.QuarantinePath(d, "incoming")
	w, err := k.driver.Writer(ctx, at, false)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.MultiWriter(w, digester.Hash()), storage.PacedReader(ctx, body, nil))
	if got := digester.Digest(); err == nil && got != d {
		err = fmt.Errorf("it gave %d bytes with digest %s: %w", n, got, artifact.ErrUnverified)
	}
	if err != nil {
		return errors.Join(err, w.Cancel(context.WithoutCancel(ctx)), w.Close())
	}
	if err := errors.Join(w.Commit(ctx), w.Close()); err != nil {
		return err
	}
	if err := k.driver.Move(ctx, at, driver.BlobPath(d)); err != nil {
		return err
	}
	k.log.InfoContext(ctx, "registry: bytes fetched again", "repository", repo, "digest", d, "from", o.Name(), "bytes", n)
	return k.store.EndQuarantine(ctx, d)
}
