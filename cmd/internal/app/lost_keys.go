package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/registry/storage"
)

// A key that is not there is that of a first start only where nothing is there
// that it signed: elsewhere it was lost, and with another in its place all that
// the lost one signed would be forged. What it signed outlives it in the registry
// and in the database, so these are asked, not the files beside it.

// lostKeys are those that may be made anew although they were lost.
type lostKeys struct {
	replace bool // the operator said so
	made    bool // some were
	log     *slog.Logger
}

// errLost is in the errors that say that a key was lost.
type errLost struct{ error }

// unlessLost is nil where err is, or where it says that keys were lost which the
// operator has made anew.
func (l *lostKeys) unlessLost(ctx context.Context, err error) error {
	var lost errLost
	if !l.replace || !errors.As(err, &lost) {
		return err
	}
	l.made = true
	l.log.WarnContext(ctx, "keys are made anew", "alert", true, "lost", err)
	return nil
}

// maySign reports why no platform key may be made here: something that one
// signed is there. What could not be read denies too.
func (p *premises) maySign(ctx context.Context, data string) error {
	for _, look := range []func(context.Context) (string, error){p.signedLedger, p.signedLog} {
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
func (p *premises) signedLedger(ctx context.Context) (string, error) {
	publishers, err := p.storage.TagNames(ctx, format.PublishersRepository)
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
	err = p.storage.Repositories(ctx, func(repository string) error {
		ref, err := format.RefOf(repository, artifact.StateTag)
		if !found.IsZero() || err != nil || ref.Repository() != repository {
			return nil // it can hold none
		}
		switch _, err := p.storage.Resolve(ctx, repository, artifact.StateTag); {
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
	return fmt.Sprintf("the registry holds ledgers such as %s%s", found, signerOf(ctx, p.storage, found)), nil
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
func (p *premises) signedLog(ctx context.Context) (string, error) {
	head, err := p.database.store.LogHead(ctx)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return "", err
	}
	leaves, err := p.database.store.Leaves(ctx, publog.LeafQuery{Limit: 1})
	if err != nil {
		return "", err
	}
	if head.N > 0 || head.Checkpoint != "" || len(leaves) > 0 {
		return fmt.Sprintf("the database has a publication log, %s, of %d leaves that are signed", head.Origin, head.N), nil
	}
	kept, err := p.record(ctx, path.Base(publog.Record))
	if err != nil || len(kept) == 0 {
		return "", err
	}
	return "the registry remembers a checkpoint of its publication log", nil
}

// errOnlyRead leaves a record as it is.
var errOnlyRead = errors.New("only read")

// record reads one of the storage's; nothing where there is none.
func (p *premises) record(ctx context.Context, name string) (have []byte, err error) {
	read := false
	err = p.storage.SwapRecord(ctx, name, func(raw []byte) ([]byte, error) {
		have, read = raw, true
		return nil, errOnlyRead
	})
	if read {
		return have, nil
	}
	return nil, err
}

// mayRoot reports why no root of the signed catalog may be made: one was
// published. Whoever pinned it would refuse another.
func (p *premises) mayRoot(ctx context.Context, dir string) error {
	lost := func(what string) error {
		return errLost{fmt.Errorf("catalog keys: %s holds no root, and %s: whoever pinned the root refuses another: point catalog.keys, or data, at the directory that has the keys; "+
			"or restore it from a backup; or, where it is gone for good, start once with oarlock serve --new-keys and give everybody the new root", dir, what)}
	}
	switch d, err := p.storage.Resolve(ctx, signed.Repository, signed.Tag); {
	case err == nil:
		return lost(fmt.Sprintf("the registry holds a catalog that was signed, %s:%s (%s)", signed.Repository, signed.Tag, d))
	case !errors.Is(err, artifact.ErrNotFound):
		return fmt.Errorf("catalog keys: %s holds no root, and whether one was published could not be told: %w", dir, err)
	}
	numbers, err := p.record(ctx, numbersRecord)
	switch {
	case err != nil:
		return fmt.Errorf("catalog keys: %s holds no root, and whether one was published could not be told: %w", dir, err)
	case len(numbers) > 0:
		return lost("the registry remembers the numbers of a catalog that was signed")
	}
	return nil
}

// rootsAreHere refuses keys whose newest roots were lost: what is published counts
// on them, and the keys of an earlier root would sign what readers refuse.
func (p *premises) rootsAreHere(ctx context.Context, keys *signed.Keys) error {
	raw, err := publishedManifest(ctx, p.storage)
	if err != nil || raw == nil {
		return err
	}
	return keys.Has(raw)
}

// mayIssue reports why no key of access tokens may be made: the database has
// accounts whose logins one signed. Where replicas share keys, those of a restored
// database are in its rows.
func mayIssue(ctx context.Context, dir string, files auth.KeyStore, db interface {
	auth.KeyStore
	Holds(context.Context) (auth.Holds, error)
}) error {
	keys, err := files.LoadKeys(ctx)
	if err != nil || len(keys) > 0 {
		return err
	}
	shared, err := db.LoadKeys(ctx)
	if err != nil {
		return err
	}
	have, err := db.Holds(ctx)
	if err != nil || len(shared) > 0 || have.Tokens+have.People == 0 {
		return err
	}
	return errLost{fmt.Errorf("signing keys: %s holds no *.jwk.json, and the database has accounts whose logins such a key signed: point data at the directory of this site; "+
		"or restore it from a backup; or, where it is gone for good, start once with oarlock serve --new-keys: whoever is logged in gets a new access token", dir)}
}
