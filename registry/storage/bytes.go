package storage

import (
	"context"
	"fmt"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// PutBlob makes content, which must be d, a blob of repo.
func (s *Storage) PutBlob(ctx context.Context, repo string, d digest.Digest, content []byte) error {
	if got := d.Algorithm().FromBytes(content); got != d {
		return errcode.Refuse(http.StatusBadRequest, errcode.DigestInvalid, "the blob was pushed as %s, but its bytes have digest %s", d, got)
	}
	to := d
	if d.Algorithm() != digest.SHA256 {
		to = digest.FromBytes(content)
	}
	ctx = driver.Later(context.WithoutCancel(ctx))
	if err := s.putBytes(ctx, to, content); err != nil {
		return err
	}
	if err := s.PutLink(ctx, driver.LayerPath(repo, to), to); err != nil || to == d {
		return err
	}
	return s.PutLink(ctx, driver.LayerPath(repo, d), to)
}

// putBytes stores content under its digest. Bytes that are there already are
// left, unless they are damaged.
func (s *Storage) putBytes(ctx context.Context, d digest.Digest, content []byte) error {
	at := driver.BlobPath(d)
	if err := s.Distrust(ctx, d); err != nil {
		return CouldNotTell(fmt.Sprintf("whether what is stored as %s is whole", d), err)
	}
	_, err := s.driver.Stat(ctx, at)
	if !driver.IsNotFound(err) {
		return Describe(err, "read %s", at)
	}
	if err := s.driver.PutContent(ctx, at, content); err != nil {
		return err
	}
	if fi, err := s.driver.Look(ctx, at); err == nil {
		s.verified.add(d, fi.Size(), fi.ModTime())
	}
	s.Arrived(ctx, d)
	return nil
}
