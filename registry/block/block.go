package block

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Block keeps what it names from being read through /v2/, while its record,
// its tags and what speaks about it (signatures, statements, the ledger) stay
// readable. It names
//
//	Repository and Digest  a manifest or blob, in that repository
//	Digest                 a manifest or blob, in every repository
//	Repository             all that the repository holds
//
// A blocked manifest takes along what it holds: children, config and layers,
// at any depth. What a manifest of the same repository that is not blocked
// holds too is still read there.
type Block struct {
	Repository string        `json:"repository,omitempty"`
	Digest     digest.Digest `json:"digest,omitempty"`
	Tag        string        `json:"tag,omitempty"` // by which the digest was named; for people
	Code       string        `json:"code"`          // for programs, such as "emergency_removed"
	Reason     string        `json:"reason"`        // for people
	By         string        `json:"by,omitempty"`
	At         time.Time     `json:"at"`
	// Until is when it is to end by itself (Lapse); the zero time is never.
	Until time.Time `json:"until,omitzero"`
	// Emergency is the ID of the emergency that holds it; "" for a block by hand,
	// which stays when the emergency is over.
	Emergency string `json:"emergency,omitempty"`
	// Pushes says that a repository that is blocked as a whole goes on to take
	// pushes. What is pushed is blocked too, but for what speaks.
	Pushes bool `json:"pushes,omitempty"`
	// Covers is what a blocked manifest holds, found when it was blocked.
	Covers []digest.Digest `json:"covers,omitempty"`
}

// defaultBlockCode is the code of a block that was given none.
const defaultBlockCode = "blocked"

// Block makes b hold: here when it returns, and at every other replica within
// a second. It is durable, and blocking the same again replaces code and
// reason. Who may is for the caller to decide, and to write down. Errors wrap
// artifact.ErrInvalid for what names nothing; one that wraps
// artifact.ErrUnverified means that b holds, but that what the manifest holds
// could not be read and is not covered.
func (bs *Blocks) Block(ctx context.Context, b Block) (Block, error) {
	err := b.check()
	if err != nil {
		return b, err
	}
	if bs.store.ReadOnly() {
		return b, fmt.Errorf("block: the registry was opened read-only: %w", artifact.ErrDenied)
	}
	if b.Code == "" {
		b.Code = defaultBlockCode
	}
	if b.At.IsZero() {
		b.At = bs.store.Now()
	}
	b.At, b.Until = b.At.UTC(), b.Until.UTC()
	var unread error
	if b.Covers = nil; b.Digest != "" {
		if b.Digest, err = bs.stored(ctx, b.Repository, b.Digest); err != nil {
			return b, err
		}
	}
	// Others refuse from here on, however long the storage takes.
	bs.tellBlock(ctx, b)
	if b.Digest != "" {
		b.Covers, unread = bs.cover(ctx, b.Repository, b.Digest)
		bs.tellBlock(ctx, b)
	}
	if err = bs.changeBlocks(ctx, func(ctx context.Context) error { return bs.putBlock(ctx, b) }); err != nil {
		return b, fmt.Errorf("block %s: %w", b.target(), err)
	}
	bs.tellBlock(ctx, b) // again, for who was away before it was written
	bs.log.WarnContext(ctx, "registry: blocked", "repository", b.Repository, "digest", b.Digest, "code", b.Code, "reason", b.Reason, "by", b.By)
	return b, storage.Describe(unread, "block %s: it holds, but what the manifest holds is not covered", b.target())
}

// Unblock ends the block of what target names; its other fields do not count.
// Without one it is artifact.ErrNotFound. It holds as Block does.
func (bs *Blocks) Unblock(ctx context.Context, target Block) error {
	if err := target.check(); err != nil {
		return err
	}
	if bs.store.ReadOnly() {
		return fmt.Errorf("unblock: the registry was opened read-only: %w", artifact.ErrDenied)
	}
	err := bs.changeBlocks(ctx, func(ctx context.Context) error { return bs.endBlock(ctx, target) })
	if err == nil {
		bs.tellUnblocked(ctx, target)
	}
	if driver.IsNotFound(err) {
		return fmt.Errorf("unblock %s: it is not blocked: %w", target.target(), artifact.ErrNotFound)
	}
	return storage.Describe(err, "unblock %s", target.target())
}

// Named is the block that names exactly what target does, as storage has it; false
// where there is none.
func (bs *Blocks) Named(ctx context.Context, target Block) (Block, bool, error) {
	if err := target.check(); err != nil {
		return Block{}, false, err
	}
	b, err := bs.readBlock(ctx, target.path(), target)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return Block{}, false, nil
	case err != nil:
		return Block{}, false, fmt.Errorf("block of %s: %w", target.target(), err)
	}
	return b, true, nil
}

// Blocked lists what is blocked, by repository and digest, as storage has it.
func (bs *Blocks) Blocked(ctx context.Context) ([]Block, error) {
	set, err := bs.readBlocks(ctx)
	if err != nil {
		return nil, fmt.Errorf("blocks: %w", err)
	}
	return set.list, nil
}

func (b Block) check() error {
	if b.Repository == "" && b.Digest == "" {
		return fmt.Errorf("block: neither repository nor digest: %w", artifact.ErrInvalid)
	}
	if b.Repository != "" {
		if err := storage.CheckRepository(b.Repository); err != nil {
			return err
		}
	}
	if b.Digest == "" {
		return nil
	}
	_, err := storage.ParseDigest(b.Digest.String())
	return err
}

func (b Block) target() string {
	switch {
	case b.Digest == "":
		return "repository " + b.Repository
	case b.Repository == "":
		return b.Digest.String() + " everywhere"
	}
	return b.Repository + "@" + b.Digest.String()
}

// stored is the digest under which d is kept, which is the one that is asked for.
func (bs *Blocks) stored(ctx context.Context, repo string, d digest.Digest) (digest.Digest, error) {
	if d.Algorithm() == digest.SHA256 {
		return d, nil
	}
	for _, find := range []func(context.Context, string, digest.Digest) (digest.Digest, error){bs.store.Revision, bs.store.Layer} {
		if repo == "" {
			break
		}
		if to, err := find(ctx, repo, d); !errors.Is(err, artifact.ErrNotFound) {
			return to, err
		}
	}
	return d, fmt.Errorf("block %s: it is stored under its sha256 digest; give that: %w", d, artifact.ErrInvalid)
}

// refusal is what a reader of d is told.
func (b Block) refusal(repo string, d digest.Digest) *errcode.Refusal {
	what := b.target()
	if d != b.Digest && b.Digest != "" {
		what = fmt.Sprintf("%s, which belongs to %s", d, what)
	}
	detail := map[string]string{"code": b.Code, "reason": b.Reason, "repository": repo, "digest": d.String(), "at": b.At.Format(time.RFC3339)}
	if b.Digest != "" {
		detail["blocked"] = b.Digest.String()
	}
	if !b.Until.IsZero() {
		detail["until"] = b.Until.Format(time.RFC3339)
	}
	return errcode.Refuse(http.StatusForbidden, errcode.Denied, "%s is blocked and cannot be pulled (%s): %s", what, b.Code, b.reason()).Detail(detail)
}

func (b Block) reason() string {
	if b.Reason == "" {
		return "no reason was given"
	}
	return b.Reason
}
