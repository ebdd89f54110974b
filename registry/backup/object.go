package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
)

// The two kinds of content in a vault.
const (
	objects  = "objects"
	listings = "listings"
)

// at is where the content d is.
func (v *Vault) at(kind string, d digest.Digest) string {
	hex := d.Encoded()
	return v.path(kind, d.Algorithm().String(), hex[:2], hex)
}

// size is that of the content d; false where it is not in the vault.
func (v *Vault) size(kind string, d digest.Digest) (int64, bool, error) {
	if err := d.Validate(); err != nil {
		return 0, false, fmt.Errorf("digest %.200q: %w: %w", d, err, artifact.ErrInvalid)
	}
	info, err := os.Stat(v.at(kind, d))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return info.Size(), true, nil
}

// put stores what r gives as d. Other bytes wrap artifact.ErrUnverified and
// leave nothing.
func (v *Vault) put(ctx context.Context, kind string, d digest.Digest, r io.Reader) (size int64, err error) {
	if err := d.Validate(); err != nil {
		return 0, fmt.Errorf("digest %.200q: %w: %w", d, err, artifact.ErrInvalid)
	}
	f, err := os.CreateTemp(v.path("tmp"), "object-*") // mode 0600
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	check := d.Verifier()
	size, err = io.Copy(io.MultiWriter(f, check), readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	}))
	if err == nil && !check.Verified() {
		err = fmt.Errorf("its %d bytes have another digest: %w", size, artifact.ErrUnverified)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	at := v.at(kind, d)
	if err := durable.MakeFolder(filepath.Dir(at), 0o700); err != nil {
		return 0, err
	}
	if err := os.Rename(f.Name(), at); err != nil {
		return 0, err
	}
	return size, durable.SyncFolder(filepath.Dir(at))
}

// putBytes stores content unless it is there.
func (v *Vault) putBytes(ctx context.Context, kind string, content []byte) (o Object, fresh bool, err error) {
	o = Object{digest.FromBytes(content), int64(len(content))}
	if size, ok, err := v.size(kind, o.Digest); err != nil || ok && size == o.Size {
		return o, false, err
	}
	_, err = v.put(ctx, kind, o.Digest, bytes.NewReader(content))
	return o, true, err
}

// open reads the content o as it is stored; close tells whether it was o.
func (v *Vault) open(kind string, o Object) (*checked, error) {
	if err := o.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("digest %.200q: %w: %w", o.Digest, err, artifact.ErrInvalid)
	}
	f, err := os.Open(v.at(kind, o.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not in the vault: %w", o.Digest, artifact.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return &checked{f: f, left: o.Size, verifier: o.Digest.Verifier(), object: o}, nil
}

// read is open for content that is held in memory.
func (v *Vault) read(kind string, o Object) ([]byte, error) {
	r, err := v.open(kind, o)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}

// checked is a reader that fails at its end where the content was another.
type checked struct {
	f        *os.File
	left     int64
	verifier digest.Verifier
	object   Object
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.f.Read(p)
	c.left -= int64(n)
	_, _ = c.verifier.Write(p[:n]) // a hash never fails
	if c.left < 0 || err == io.EOF && (c.left != 0 || !c.verifier.Verified()) {
		return n, fmt.Errorf("%s: the vault's bytes are not those that were written: %w", c.object.Digest, artifact.ErrUnverified)
	}
	return n, err
}

func (c *checked) Close() error { return c.f.Close() }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
