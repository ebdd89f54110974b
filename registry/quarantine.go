package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// quarantineRoot holds, for each digest whose bytes were found damaged,
//
//	<alg>/<hex>/why   what was found, written first
//	<alg>/<hex>/data  the bytes, moved out of everybody's way
//
// Bytes that are missing and have a why are refused with it. Good bytes that
// come back under the digest end it.
const quarantineRoot = "/oarlock/quarantine"

func quarantineDir(d digest.Digest) string {
	return path.Join(quarantineRoot, d.Algorithm().String(), d.Encoded())
}

func quarantinePath(d digest.Digest, file string) string { return path.Join(quarantineDir(d), file) }

// A Quarantined is what was set aside because its bytes are not those of its
// digest.
type Quarantined struct {
	Digest digest.Digest `json:"digest"`
	What   string        `json:"what"`
	Size   int64         `json:"size"`
	At     time.Time     `json:"at"`
}

// Quarantined lists what is set aside now, by digest.
func (g *Registry) Quarantined(ctx context.Context) ([]Quarantined, error) {
	list := []Quarantined{}
	err := g.eachQuarantined(ctx, func(d digest.Digest) error {
		q, ok, err := g.why(ctx, d)
		if ok {
			list = append(list, q)
		}
		return err
	})
	return list, err
}

func (g *Registry) eachQuarantined(ctx context.Context, fn func(digest.Digest) error) error {
	return g.driver.Digests(ctx, quarantineRoot, func(d digest.Digest, _ string) error { return fn(d) })
}

// why says what was found wrong with d; false when it is not set aside. A
// record that was cut says so itself.
func (g *Registry) why(ctx context.Context, d digest.Digest) (Quarantined, bool, error) {
	content, err := g.driver.GetContent(ctx, quarantinePath(d, "why"))
	if driver.IsNotFound(err) {
		return Quarantined{}, false, nil
	}
	if err != nil {
		return Quarantined{}, false, fmt.Errorf("read quarantine of %s: %w", d, err)
	}
	q := Quarantined{Digest: d}
	if json.Unmarshal(content, &q) != nil || q.Digest != d {
		q = Quarantined{Digest: d, What: "its record is damaged too"}
	}
	return q, true, nil
}

// absent is the damage of bytes that are not where they should be.
func (g *Registry) absent(ctx context.Context, repo string, d, to digest.Digest, what string) *driver.Damage {
	g.aside.Store(to, true)
	damage := &driver.Damage{Kind: driver.MissingBytes, Repository: repo, Digest: d, Path: driver.BlobPath(to), What: what + " are missing"}
	if q, ok, err := g.why(ctx, to); err == nil && ok {
		damage.Kind, damage.Path = driver.SetAside, quarantinePath(to, "data")
		damage.What = fmt.Sprintf("%s were found damaged (%s) and set aside at %s", what, q.What, q.At.Format(time.RFC3339))
	}
	return damage
}

// lacks reports whether m holds, at any depth, bytes that are known to be set
// aside or missing. Such a manifest is not found by HEAD: a client that has
// all of it then pushes all of it again, instead of finding it there.
func (g *Registry) lacks(ctx context.Context, repo string, m *manifest) bool {
	some := false
	if g.aside.Range(func(any, any) bool { some = true; return false }); !some {
		return false
	}
	lacking := errors.New("lacking")
	err := g.eachReached(ctx, repo, m, func(m *manifest) error {
		for _, ref := range m.references() {
			if g.gone(ctx, ref.Digest) {
				return lacking
			}
		}
		return nil
	})
	return err != nil // what was not looked at is not known to be there
}

// gone reports whether d is known to be set aside or missing, and still is.
func (g *Registry) gone(ctx context.Context, d digest.Digest) bool {
	if _, known := g.aside.Load(d); !known {
		return false
	}
	_, err := g.driver.Stat(ctx, driver.BlobPath(d))
	if err == nil {
		g.aside.Delete(d) // another replica mended it
	}
	return err != nil
}

// found acts on bytes that a reader saw to be damaged: they are set aside, so
// that nobody else gets them, and good ones are taken from memory if there are
// any. It gives damage back.
func (g *Registry) found(ctx context.Context, damage *driver.Damage, to digest.Digest) *driver.Damage {
	g.faults.seen.Add(1)
	ctx = context.WithoutCancel(ctx)
	g.log.ErrorContext(ctx, "registry: damaged storage", "repository", damage.Repository, "digest", damage.Digest, "path", damage.Path, "what", damage.What)
	if g.opts.ReadOnly {
		return damage
	}
	if moved, err := g.setAside(ctx, to, false); err != nil {
		g.log.ErrorContext(ctx, "registry: damaged bytes could not be set aside", "digest", to, "err", err)
	} else if moved {
		if how, err := g.fromMemory(ctx, to); err == nil && how != "" {
			g.log.InfoContext(ctx, "registry: damaged bytes replaced", "digest", to, "how", how)
		}
	}
	return damage
}

// setAside moves the bytes of d away, if they are still damaged when they are
// read once more. With unreadable, also if the medium cannot give them at all
// (isUnreadable), which is right only where good ones are at hand.
func (g *Registry) setAside(ctx context.Context, d digest.Digest, unreadable bool) (bool, error) {
	unlock, err := g.opts.Locker.Lock(ctx, "bytes/"+d.String(), false)
	if err != nil {
		return false, err
	}
	defer unlock()
	sum, err := g.sum(ctx, d, nil)
	switch {
	case driver.IsNotFound(err):
		return false, nil
	case err != nil && !(unreadable && isUnreadable(err)):
		return false, err
	case err == nil && sum.good(d):
		return false, nil
	}
	what := sum.what()
	if err != nil {
		what = "cannot be read: " + err.Error()
	}
	q := Quarantined{Digest: d, What: what, Size: sum.size, At: g.opts.Now().UTC()}
	content, err := json.Marshal(q)
	if err != nil {
		return false, err
	}
	if err := g.driver.PutContent(ctx, quarantinePath(d, "why"), content); err != nil {
		return false, err
	}
	if err := g.driver.Move(ctx, driver.BlobPath(d), quarantinePath(d, "data")); err != nil && !driver.IsNotFound(err) {
		return false, err
	}
	g.aside.Store(d, true)
	g.withholds("")
	if how, err := g.fromAside(ctx, d); how != "" || err != nil {
		return false, err // somebody mended it between the look and the move
	}
	g.blobs.drop(d.String())
	g.faults.aside.Add(1)
	g.log.ErrorContext(ctx, "registry: damaged bytes set aside", "digest", d, "what", what, "path", quarantinePath(d, "data"))
	return true, nil
}

// back ends the quarantine of bytes that are good again.
func (g *Registry) back(ctx context.Context, d digest.Digest) error {
	err := g.drop(ctx, d)
	if err == nil {
		g.faults.mended.Add(1)
	}
	return err
}

// drop forgets that d was set aside, and removes what was.
func (g *Registry) drop(ctx context.Context, d digest.Digest) error {
	err := driver.MissingIsFine(g.driver.Delete(ctx, quarantineDir(d)))
	if err == nil {
		g.aside.Delete(d)
		g.withholds("")
	}
	return err
}

// openQuarantine finishes what a killed process left: bytes that were to be
// set aside and were not moved, and records of bytes that are good again.
func (g *Registry) openQuarantine(ctx context.Context) error {
	return g.eachQuarantined(ctx, func(d digest.Digest) error {
		g.aside.Store(d, true)
		if g.opts.ReadOnly {
			return nil
		}
		if _, err := g.driver.Stat(ctx, driver.BlobPath(d)); err != nil {
			return driver.MissingIsFine(err)
		}
		moved, err := g.setAside(ctx, d, false)
		if err != nil || moved {
			if err != nil {
				g.log.ErrorContext(ctx, "registry: bytes in question cannot be read", "digest", d, "err", err)
			}
			return nil
		}
		return g.back(ctx, d)
	})
}

// arrived ends the quarantine of d once good bytes of it were pushed.
func (g *Registry) arrived(ctx context.Context, d digest.Digest) {
	if _, ok := g.aside.Load(d); !ok {
		return
	}
	if _, err := g.driver.Stat(ctx, driver.BlobPath(d)); err != nil {
		return
	}
	if err := g.back(ctx, d); err != nil {
		g.log.ErrorContext(ctx, "registry: a quarantine could not be ended", "digest", d, "err", err)
		return
	}
	g.log.InfoContext(ctx, "registry: damaged bytes replaced", "digest", d, "how", "pushed again")
}

// distrust makes sure that an upload of d replaces bytes that are damaged,
// instead of finding something there and keeping it.
func (g *Registry) distrust(ctx context.Context, d digest.Digest) error {
	if d.Algorithm() != digest.SHA256 {
		return nil
	}
	fi, err := g.driver.Stat(ctx, driver.BlobPath(d))
	if err != nil {
		return driver.MissingIsFine(err)
	}
	if g.verified.has(d, fi.Size(), fi.ModTime()) {
		return nil
	}
	sum, err := g.sum(ctx, d, nil)
	if driver.IsNotFound(err) {
		return nil
	}
	if err == nil && sum.good(d) {
		g.verified.add(d, fi.Size(), fi.ModTime())
		return nil
	}
	if err != nil && !isUnreadable(err) {
		return err
	}
	_, err = g.setAside(ctx, d, true)
	return err
}

// isUnreadable reports whether err says that the medium cannot give the bytes
// any more. A client that left, a limit that was reached or a bucket that does
// not answer says nothing about them.
func isUnreadable(err error) bool {
	var wrapped storagedriver.Error // has no Unwrap of its own
	if errors.As(err, &wrapped) && wrapped.Detail != nil && isUnreadable(wrapped.Detail) {
		return true
	}
	return errors.Is(err, syscall.EIO)
}

// fromMemory mends d with what is still held of it.
func (g *Registry) fromMemory(ctx context.Context, d digest.Digest) (how string, err error) {
	content, ok := g.blobs.get(d.String())
	if !ok {
		var m *manifest
		if m, ok = g.manifests.match(func(key string) bool { return strings.HasSuffix(key, "@"+d.String()) }); ok {
			content = m.content
		}
	}
	if !ok || d.Algorithm().FromBytes(content) != d {
		return "", nil
	}
	if err := g.driver.PutContent(ctx, driver.BlobPath(d), content); err != nil {
		return "", err
	}
	return "from memory", g.back(ctx, d)
}

func (g *Registry) anyAside() (found bool) {
	g.aside.Range(func(_, _ any) bool {
		found = true
		return false
	})
	return found
}

// withholds tells who wants to know that what is withheld of a repository
// changed; "" is any.
func (g *Registry) withholds(repository string) {
	if g.opts.Withholds != nil {
		g.opts.Withholds(repository)
	}
}
