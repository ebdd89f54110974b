package lostkeys

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry/storage"
)

// A Site is where what its keys signed outlives them.
type Site struct {
	Storage  *storage.Storage
	Database *store.Store
}

// MaySign reports why no platform key may be made here: something that one
// signed is there. What could not be read denies too.
func (s Site) MaySign(ctx context.Context, data string) error {
	for _, look := range []func(context.Context) (string, error){s.signedLedger, s.signedLog} {
		signed, err := look(ctx)
		if err != nil {
			return fmt.Errorf("platform key: %s/%s is not there, and what it signed could not be told: %w", data, config.PlatformKeyFile, err)
		}
		if signed != "" {
			return fmt.Errorf("platform key: %s/%s is not there, and %s: with another key nothing of it would hold: point data at the directory of this site; "+
				"or restore the file from a backup of it (oarlock backup has it); or, where it is gone for good, begin another site over what the registry holds: "+
				"an empty db, and once oarlock serve --adopt-registry", data, config.PlatformKeyFile, signed)
		}
	}
	return nil
}

// signedLedger names a ledger of the registry and the key that signed it.
func (s Site) signedLedger(ctx context.Context) (string, error) {
	publishers, err := s.Storage.TagNames(ctx, format.PublishersRepository)
	if err != nil {
		return "", err
	}
	var found format.Ref
	if len(publishers) > 0 {
		if found, err = format.OfPublisher(publishers[0]); err != nil {
			return "", err
		}
	}
	stop := errors.New("found")
	err = s.Storage.Repositories(ctx, func(repository string) error {
		ref, err := format.RefOf(repository, artifact.StateTag)
		if !found.IsZero() || err != nil || ref.Repository() != repository {
			return nil // it can hold none
		}
		switch _, err := s.Storage.Resolve(ctx, repository, artifact.StateTag); {
		case errors.Is(err, artifact.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		found = ref
		return stop
	})
	if err != nil && !errors.Is(err, stop) || found.IsZero() {
		return "", err
	}
	return fmt.Sprintf("the registry holds ledgers such as %s%s", found, signerOf(ctx, s.Storage, found)), nil
}

// signerOf says which key the last statement of a ledger names, for whoever looks
// for it; nothing where that cannot be read, which is no reason to go on.
func signerOf(ctx context.Context, s *storage.Storage, ref format.Ref) string {
	at, err := s.Resolve(ctx, ref.Repository(), ref.Tag())
	if err != nil {
		return ""
	}
	read := func(d digest.Digest) (mediaType string, content []byte) {
		if err == nil {
			mediaType, content, err = s.Manifest(ctx, ref.Repository(), d)
		}
		return mediaType, content
	}
	list, e := format.ParseList(read(at))
	if err != nil || e != nil {
		return ""
	}
	blob, e := format.ParseManifest(read(list.Head().Digest))
	if err != nil || e != nil {
		return ""
	}
	raw, err := s.Blob(ctx, ref.Repository(), blob.Digest, format.MaxEnvelope)
	if err != nil {
		return ""
	}
	envelope, err := format.ParseEnvelope(raw)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(", signed by key %.80s", envelope.Signatures[0].KeyID)
}

// signedLog says how much of a publication log is there.
func (s Site) signedLog(ctx context.Context) (string, error) {
	head, err := s.Database.LogHead(ctx)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return "", err
	}
	leaves, err := s.Database.Leaves(ctx, publog.LeafQuery{Limit: 1})
	if err != nil {
		return "", err
	}
	if head.N > 0 || head.Checkpoint != "" || len(leaves) > 0 {
		return fmt.Sprintf("the database has a publication log, %s, of %d leaves that are signed", head.Origin, head.N), nil
	}
	kept, err := s.record(ctx, path.Base(publog.Record))
	if err != nil || len(kept) == 0 {
		return "", err
	}
	return "the registry remembers a checkpoint of its publication log", nil
}

// errOnlyRead leaves a record as it is.
var errOnlyRead = errors.New("only read")

// record reads one of the storage's; nothing where there is none.
func (s Site) record(ctx context.Context, name string) (have []byte, err error) {
	read := false
	err = s.Storage.SwapRecord(ctx, name, func(raw []byte) ([]byte, error) {
		have, read = raw, true
		return nil, errOnlyRead
	})
	if read {
		return have, nil
	}
	return nil, err
}

// MayRoot reports why no root of the signed catalog may be made: one was
// published. Whoever pinned it would refuse another.
func (s Site) MayRoot(ctx context.Context, dir string) error {
	lost := func(what string) error {
		return lostError{fmt.Errorf("catalog keys: %s holds no root, and %s: whoever pinned the root refuses another: point catalog.keys, or data, at the directory that has the keys; "+
			"or restore it from a backup; or, where it is gone for good, start once with oarlock serve --new-keys and give everybody the new root", dir, what)}
	}
	switch d, err := s.Storage.Resolve(ctx, signed.Repository, signed.Tag); {
	case err == nil:
		return lost(fmt.Sprintf("the registry holds a catalog that was signed, %s:%s (%s)", signed.Repository, signed.Tag, d))
	case !errors.Is(err, artifact.ErrNotFound):
		return fmt.Errorf("catalog keys: %s holds no root, and whether one was published could not be told: %w", dir, err)
	}
	numbers, err := s.record(ctx, signed.NumbersRecord)
	switch {
	case err != nil:
		return fmt.Errorf("catalog keys: %s holds no root, and whether one was published could not be told: %w", dir, err)
	case len(numbers) > 0:
		return lost("the registry remembers the numbers of a catalog that was signed")
	}
	return nil
}
