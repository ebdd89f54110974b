package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

// A Shelf is where the ledgers of publishers are kept, all in one repository.
type Shelf interface {
	Manifests
	Tags(ctx context.Context, repo string, fn func(tag string, d digest.Digest) error) error
	Blob(ctx context.Context, repo string, d digest.Digest, limit int64) ([]byte, error)
}

// Untagged are the lists of publishers' ledgers that had no tag when they were searched,
// which is once, since from then on the memory of ledgers knows what comes. It is safe
// for concurrent use; the zero value has not searched.
type Untagged struct {
	mu       sync.Mutex
	searched bool
	lists    map[string][]digest.Digest // by publisher
}

// Publishers are those that have lists and no tag. Nothing of a list is verified: Lost
// does.
func (u *Untagged) Publishers(ctx context.Context, s Shelf) ([]string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.search(ctx, s); err != nil {
		return nil, err
	}
	var out []string
	for name := range u.lists {
		out = append(out, name)
	}
	slices.Sort(out)
	return out, nil
}

// Lost is the package's Lost for the ledger of a publisher whose tag is not there.
func (u *Untagged) Lost(ctx context.Context, s Shelf, ref format.Ref, holds Holds) error {
	u.mu.Lock()
	err := u.search(ctx, s)
	lists := slices.Clone(u.lists[ref.Publisher()])
	u.mu.Unlock()
	if err != nil {
		return err
	}
	return longest(ctx, s, ref, slices.Values(lists), holds)
}

// prefixesMost is of how many statements a ledger has at most whose earlier lists are
// known by their digests: those of a longer one are read.
const prefixesMost = 256

// search reads what no ledger that has a tag explains. It is called with mu held.
func (u *Untagged) search(ctx context.Context, s Shelf) error {
	if u.searched {
		return nil
	}
	const repo = format.PublishersRepository
	tagged, known := map[string]bool{}, map[digest.Digest]bool{}
	err := s.Tags(ctx, repo, func(tag string, d digest.Digest) error {
		tagged[tag] = true
		return explain(ctx, s, d, known)
	})
	if err != nil && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified) {
		return fmt.Errorf("%s: could not tell which ledgers have a tag: %w", repo, err)
	}
	lists := map[string][]digest.Digest{}
	err = s.Revisions(ctx, repo, func(d digest.Digest) error {
		if known[d] {
			return ctx.Err()
		}
		name, err := ownerOf(ctx, s, d)
		if err == nil && name != "" && !tagged[name] {
			lists[name] = append(lists[name], d)
		}
		return errors.Join(err, ctx.Err())
	})
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return fmt.Errorf("%s: could not tell whose ledgers have no tag: %w", repo, err)
	}
	u.lists, u.searched = lists, true
	return nil
}

// explain adds the list of a ledger, its statements and its earlier lists to what is
// known. A damaged one explains nothing.
func explain(ctx context.Context, s Shelf, d digest.Digest, known map[digest.Digest]bool) error {
	list, err := listIn(ctx, s, d)
	if err != nil || list == nil {
		return err
	}
	known[d] = true
	for _, one := range list.Statements {
		known[one.Digest] = true
	}
	for n := 1; n < min(len(list.Statements), prefixesMost); n++ {
		raw, err := format.BuildList(list.Statements[:n])
		if err != nil {
			return err
		}
		known[digest.FromBytes(raw)] = true
	}
	return ctx.Err()
}

// listIn is the list of a ledger, and nil where it is none, or damaged, or gone.
func listIn(ctx context.Context, m Manifests, d digest.Digest) (*format.List, error) {
	mediaType, raw, err := m.Manifest(ctx, format.PublishersRepository, d)
	if err != nil {
		return nil, unlessBad(err)
	}
	list, err := format.ParseList(mediaType, raw) // as any image index is one
	if err != nil || !isLedger(raw) {
		return nil, nil
	}
	return list, nil
}

// ownerOf is the publisher whose list a manifest says to be; "" is nobody's.
func ownerOf(ctx context.Context, s Shelf, d digest.Digest) (string, error) {
	list, err := listIn(ctx, s, d)
	if err != nil || list == nil {
		return "", err
	}
	mediaType, raw, err := s.Manifest(ctx, format.PublishersRepository, list.Statements[0].Digest)
	if err != nil {
		return "", unlessBad(err)
	}
	blob, err := format.ParseManifest(mediaType, raw)
	if err != nil {
		return "", nil
	}
	raw, err = s.Blob(ctx, format.PublishersRepository, blob.Digest, format.MaxEnvelope)
	if err != nil {
		return "", unlessBad(err)
	}
	envelope, err := format.ParseEnvelope(raw)
	if err != nil {
		return "", nil
	}
	said, err := format.ParseStatement(envelope.Payload)
	if err != nil || !said.Ledger.OfPublisher() {
		return "", nil
	}
	return said.Ledger.Publisher(), nil
}

// unlessBad is nil of what is damaged or gone: it says nothing.
func unlessBad(err error) error {
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) || errors.Is(err, artifact.ErrInvalid) {
		return nil
	}
	return err
}
