package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// The layer types that may be fetched from elsewhere.
const (
	foreignLayer   = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
	foreignOCI     = "application/vnd.oci.image.layer.nondistributable.v1.tar"
	foreignOCIGzip = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
)

// maxMissing is how many missing references one refusal names.
const maxMissing = 64

// CheckReferences refuses m while something that it references is not in repo.
// Small parts are read and hashed, once per process: one that was uploaded and
// not synced when the power went is then missing, not broken.
func (s *Storage) CheckReferences(ctx context.Context, repo string, m *Manifest) error {
	missing, err := s.Missing(ctx, repo, m, maxMissing)
	if err != nil || len(missing) == 0 {
		return err
	}
	r := &errcode.Refusal{Status: http.StatusNotFound, Kind: artifact.ErrInvalid}
	for _, ref := range missing {
		r.Errors = append(r.Errors, errcode.Error{
			Code:    errcode.ManifestBlobUnknown,
			Message: fmt.Sprintf("%s is referenced but not in this repository: push or mount it first", ref.Digest),
			Detail:  map[string]string{"digest": ref.Digest.String()},
		})
	}
	return r
}

// Missing gives what m references and repo has not got, each once, the first
// most of them; 0 is all. A reference to what is there that gives it another
// size is refused.
func (s *Storage) Missing(ctx context.Context, repo string, m *Manifest, most int) (missing []ocispec.Descriptor, err error) {
	seen := map[digest.Digest]bool{}
	for _, ref := range m.References() {
		if seen[ref.Digest] || most > 0 && len(missing) >= most {
			continue
		}
		seen[ref.Digest] = true
		if elsewhere, err := isElsewhere(ref); elsewhere || err != nil {
			if err != nil {
				return missing, InvalidManifest(err)
			}
			continue
		}
		there, err := s.holds(ctx, repo, m.IsIndex(), ref)
		if err != nil {
			return missing, err
		}
		if !there {
			missing = append(missing, ref)
		}
	}
	return missing, nil
}

// isElsewhere reports whether ref is a layer that says where it is had from.
func isElsewhere(ref ocispec.Descriptor) (bool, error) {
	if ref.MediaType != foreignLayer && ref.MediaType != foreignOCI && ref.MediaType != foreignOCIGzip {
		return false, nil
	}
	for _, text := range ref.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" {
			return false, fmt.Errorf("layer %s: URL %.200q: expected http or https, without a fragment", ref.Digest, text)
		}
	}
	return len(ref.URLs) > 0, nil
}

// holds reports whether repo has what ref names, link and bytes.
func (s *Storage) holds(ctx context.Context, repo string, child bool, ref ocispec.Descriptor) (bool, error) {
	link := s.Layer
	if child {
		link = s.Revision
	}
	to, err := link(ctx, repo, ref.Digest)
	if errors.Is(err, artifact.ErrNotFound) {
		return false, nil
	}
	if errors.Is(err, artifact.ErrUnverified) {
		s.log.ErrorContext(ctx, "registry: damaged storage", "repository", repo, "digest", ref.Digest, "err", err)
		return false, nil // pushing it again mends it
	}
	if err != nil {
		return false, err
	}
	return s.holdsBytes(ctx, to, ref)
}

// holdsBytes reports whether the bytes of d, which ref names, are stored. Where
// they may have come without a sync they are read, once while they do not
// change: what a power cut left empty goes, other damage goes into quarantine. Only the
// digest decides what is damaged. A size in ref that is not theirs is refused:
// no client could pull it.
func (s *Storage) holdsBytes(ctx context.Context, d digest.Digest, ref ocispec.Descriptor) (bool, error) {
	at := driver.BlobPath(d)
	fi, err := s.driver.Stat(ctx, at)
	if err != nil {
		return false, driver.MissingIsFine(err)
	}
	right := fi.Size() == ref.Size
	switch {
	case fi.Size() > artifact.MaxManifest,
		right && !s.driver.HasBarrier(),
		s.verified.has(d, fi.Size(), fi.ModTime()):
		return true, wrongSize(ref, fi.Size())
	}
	if fi.Size() == 0 && d != d.Algorithm().FromBytes(nil) {
		return false, s.dropEmpty(ctx, d)
	}
	if err := s.Distrust(ctx, d); err != nil {
		return false, err
	}
	fi, err = s.driver.Stat(ctx, at)
	if err != nil {
		return false, driver.MissingIsFine(err)
	}
	return true, wrongSize(ref, fi.Size())
}

// wrongSize refuses a descriptor that gives another size than the blob has.
func wrongSize(ref ocispec.Descriptor, have int64) error {
	if ref.Size == have {
		return nil
	}
	return errcode.Refuse(http.StatusBadRequest, errcode.ManifestInvalid, "the descriptor of %s says %d bytes, it has %d: correct its size", ref.Digest, ref.Size, have).
		Detail(map[string]any{"digest": ref.Digest.String(), "size": ref.Size, "expected": have})
}

// dropEmpty removes the empty file that a power cut left in the place of d. It
// goes the way of all damage, so that good bytes that arrive meanwhile stay.
func (s *Storage) dropEmpty(ctx context.Context, d digest.Digest) error {
	moved, err := s.Quarantine(ctx, d, false)
	if err != nil || !moved {
		return err
	}
	s.log.WarnContext(ctx, "registry: bytes that a power cut left empty are gone", "digest", d, "path", driver.BlobPath(d))
	return s.DropQuarantine(ctx, d)
}
