package storage

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

	"github.com/oarlock/oarlock/artifact"
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

// QuarantinePath is where file is kept about bytes that are in quarantine under d.
func QuarantinePath(d digest.Digest, file string) string { return path.Join(quarantineDir(d), file) }

// A Quarantined is what is in quarantine because its bytes are not those of its
// digest.
type Quarantined struct {
	Digest digest.Digest `json:"digest"`
	What   string        `json:"what"`
	Size   int64         `json:"size"`
	At     time.Time     `json:"at"`
}

// Quarantined lists what is in quarantine now, by digest.
func (s *Storage) Quarantined(ctx context.Context) ([]Quarantined, error) {
	list := []Quarantined{}
	err := s.EachQuarantined(ctx, func(d digest.Digest) error {
		q, ok, err := s.QuarantineOf(ctx, d)
		if ok {
			list = append(list, q)
		}
		return err
	})
	return list, err
}

// EachQuarantined goes through the digests under which bytes are in quarantine; an
// error of fn ends it.
func (s *Storage) EachQuarantined(ctx context.Context, fn func(digest.Digest) error) error {
	return s.driver.Digests(ctx, quarantineRoot, func(d digest.Digest, _ string) error { return fn(d) })
}

// QuarantineOf says what was found wrong with d; false when it is not in quarantine. A
// record that was cut says so itself.
func (s *Storage) QuarantineOf(ctx context.Context, d digest.Digest) (Quarantined, bool, error) {
	content, err := s.driver.GetContent(ctx, QuarantinePath(d, "why"))
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

// AbsentBytes is the damage of bytes that are not where they should be.
func (s *Storage) AbsentBytes(ctx context.Context, repo string, d, to digest.Digest, what string) *driver.Damage {
	s.quarantined.Store(to, true)
	damage := &driver.Damage{Kind: driver.MissingBytes, Repository: repo, Digest: d, Path: driver.BlobPath(to), What: what + " are missing"}
	if q, ok, err := s.QuarantineOf(ctx, to); err == nil && ok {
		damage.Kind, damage.Path = driver.Quarantined, QuarantinePath(to, "data")
		damage.What = fmt.Sprintf("%s were found damaged (%s) and quarantined at %s", what, q.What, q.At.Format(time.RFC3339))
	}
	return damage
}

// Lacks reports whether m holds, at any depth, bytes that are known to be in
// quarantine or missing. Such a manifest is not found by HEAD: a client that has
// all of it then pushes all of it again, instead of finding it there.
func (s *Storage) Lacks(ctx context.Context, repo string, m *Manifest) bool {
	some := false
	if s.quarantined.Range(func(any, any) bool { some = true; return false }); !some {
		return false
	}
	lacking := errors.New("lacking")
	err := s.eachReached(ctx, repo, m, func(m *Manifest) error {
		for _, ref := range m.References() {
			kept, err := s.keptAs(ctx, repo, m.IsIndex(), ref.Digest)
			if err != nil {
				return err
			}
			if s.gone(ctx, kept) {
				return lacking
			}
		}
		return nil
	})
	return err != nil // what was not looked at is not known to be there
}

// keptAs is the digest under which is kept what a manifest of repo names d: a
// child, or a blob. What is not here is kept under none.
func (s *Storage) keptAs(ctx context.Context, repo string, child bool, d digest.Digest) (digest.Digest, error) {
	if d.Algorithm() == digest.SHA256 {
		return d, nil
	}
	link := s.Layer
	if child {
		link = s.Revision
	}
	to, err := link(ctx, repo, d)
	if errors.Is(err, artifact.ErrNotFound) {
		return d, nil
	}
	return to, err
}

// gone reports whether d is known to be in quarantine or missing, and still is.
func (s *Storage) gone(ctx context.Context, d digest.Digest) bool {
	if _, known := s.quarantined.Load(d); !known {
		return false
	}
	_, err := s.driver.Stat(ctx, driver.BlobPath(d))
	if err == nil {
		s.quarantined.Delete(d) // another replica mended it
	}
	return err != nil
}

// DamageFound acts on bytes that a reader saw to be damaged: they go into quarantine, so
// that nobody else gets them, and good ones are taken from memory if there are
// any. It gives damage back.
func (s *Storage) DamageFound(ctx context.Context, damage *driver.Damage, to digest.Digest) *driver.Damage {
	s.faults.found.Add(1)
	ctx = context.WithoutCancel(ctx)
	s.log.ErrorContext(ctx, "registry: damaged storage", "repository", damage.Repository, "digest", damage.Digest, "path", damage.Path, "what", damage.What)
	if s.opts.ReadOnly {
		return damage
	}
	if moved, err := s.Quarantine(ctx, to, false); err != nil {
		s.log.ErrorContext(ctx, "registry: damaged bytes could not be moved into quarantine", "digest", to, "err", err)
	} else if moved {
		if how, err := s.FromMemory(ctx, to); err == nil && how != "" {
			s.log.InfoContext(ctx, "registry: damaged bytes replaced", "digest", to, "how", how)
		}
	}
	return damage
}

// Quarantine moves the bytes of d away, if they are still damaged when they are
// read once more. With unreadable, also if the medium cannot give them at all
// (isUnreadable), which is right only where good ones are at hand.
func (s *Storage) Quarantine(ctx context.Context, d digest.Digest, unreadable bool) (bool, error) {
	unlock, err := s.opts.Locker.Lock(ctx, "bytes/"+d.String(), false)
	if err != nil {
		return false, err
	}
	defer unlock()
	sum, err := s.Sum(ctx, d, nil)
	switch {
	case driver.IsNotFound(err):
		return false, nil
	case err != nil && !(unreadable && isUnreadable(err)):
		return false, err
	case err == nil && sum.Good(d):
		return false, nil
	}
	what := sum.What()
	if err != nil {
		what = "cannot be read: " + err.Error()
	}
	q := Quarantined{Digest: d, What: what, Size: sum.size, At: s.opts.Now().UTC()}
	content, err := json.Marshal(q)
	if err != nil {
		return false, err
	}
	if err := s.driver.PutContent(ctx, QuarantinePath(d, "why"), content); err != nil {
		return false, err
	}
	if err := s.driver.Move(ctx, driver.BlobPath(d), QuarantinePath(d, "data")); err != nil && !driver.IsNotFound(err) {
		return false, err
	}
	s.quarantined.Store(d, true)
	s.TellWithheld("")
	if how, err := s.Unquarantine(ctx, d); how != "" || err != nil {
		return false, err // somebody mended it between the look and the move
	}
	s.blobs.drop(d.String())
	s.faults.quarantined.Add(1)
	s.log.ErrorContext(ctx, "registry: damaged bytes are in quarantine", "digest", d, "what", what, "path", QuarantinePath(d, "data"))
	return true, nil
}

// EndQuarantine ends the quarantine of bytes that are good again.
func (s *Storage) EndQuarantine(ctx context.Context, d digest.Digest) error {
	err := s.DropQuarantine(ctx, d)
	if err == nil {
		s.faults.mended.Add(1)
	}
	return err
}

// DropQuarantine forgets that d was in quarantine, and removes what was.
func (s *Storage) DropQuarantine(ctx context.Context, d digest.Digest) error {
	err := driver.MissingIsFine(s.driver.Delete(ctx, quarantineDir(d)))
	if err == nil {
		s.quarantined.Delete(d)
		s.TellWithheld("")
	}
	return err
}

// OpenQuarantine finishes what a killed process left: bytes that were to be
// quarantined and were not moved, and records of bytes that are good again.
func (s *Storage) OpenQuarantine(ctx context.Context) error {
	return s.EachQuarantined(ctx, func(d digest.Digest) error {
		s.quarantined.Store(d, true)
		return s.settleQuarantine(ctx, d)
	})
}

// LearnQuarantine learns what other replicas put into quarantine, and what they
// took out of it, and tells who wants to know where something changed.
func (s *Storage) LearnQuarantine(ctx context.Context) error {
	there, changed := map[digest.Digest]bool{}, false
	err := s.EachQuarantined(ctx, func(d digest.Digest) error {
		there[d] = true
		if _, known := s.quarantined.LoadOrStore(d, true); !known {
			changed = true
		}
		return s.settleQuarantine(ctx, d)
	})
	if err == nil {
		s.quarantined.Range(func(key, _ any) bool {
			d, _ := key.(digest.Digest)
			changed = !there[d] && !s.gone(ctx, d) || changed
			return ctx.Err() == nil
		})
	}
	if changed {
		s.TellWithheld("")
	}
	return err
}

// settleQuarantine looks at the bytes that stand where those of d, which has a
// record, were taken away: damaged ones are, and good ones end the quarantine.
func (s *Storage) settleQuarantine(ctx context.Context, d digest.Digest) error {
	if s.opts.ReadOnly {
		return nil
	}
	if _, err := s.driver.Stat(ctx, driver.BlobPath(d)); err != nil {
		return driver.MissingIsFine(err)
	}
	moved, err := s.Quarantine(ctx, d, false)
	if err != nil {
		s.log.ErrorContext(ctx, "registry: bytes in question cannot be read", "digest", d, "err", err)
		return nil
	}
	if moved {
		return nil
	}
	if _, err := s.driver.Stat(ctx, driver.BlobPath(d)); err != nil { // another replica moved them meanwhile
		return driver.MissingIsFine(err)
	}
	return s.EndQuarantine(ctx, d)
}

// Arrived ends the quarantine of d once good bytes of it were pushed.
func (s *Storage) Arrived(ctx context.Context, d digest.Digest) {
	if _, ok := s.quarantined.Load(d); !ok {
		return
	}
	if _, err := s.driver.Stat(ctx, driver.BlobPath(d)); err != nil {
		return
	}
	if err := s.EndQuarantine(ctx, d); err != nil {
		s.log.ErrorContext(ctx, "registry: a quarantine could not be ended", "digest", d, "err", err)
		return
	}
	s.log.InfoContext(ctx, "registry: damaged bytes replaced", "digest", d, "how", "pushed again")
}

// Distrust makes sure that an upload of d replaces bytes that are damaged,
// instead of finding something there and keeping it.
func (s *Storage) Distrust(ctx context.Context, d digest.Digest) error {
	if d.Algorithm() != digest.SHA256 {
		return nil
	}
	fi, err := s.driver.Stat(ctx, driver.BlobPath(d))
	if err != nil {
		return driver.MissingIsFine(err)
	}
	if s.verified.has(d, fi.Size(), fi.ModTime()) {
		return nil
	}
	sum, err := s.Sum(ctx, d, nil)
	if driver.IsNotFound(err) {
		return nil
	}
	if err == nil && sum.Good(d) {
		s.verified.add(d, fi.Size(), fi.ModTime())
		return nil
	}
	if err != nil && !isUnreadable(err) {
		return err
	}
	_, err = s.Quarantine(ctx, d, true)
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

// FromMemory mends d with what is still held of it.
func (s *Storage) FromMemory(ctx context.Context, d digest.Digest) (how string, err error) {
	content, ok := s.blobs.get(d.String())
	if !ok {
		var m *Manifest
		if m, ok = s.manifests.match(func(key string) bool { return strings.HasSuffix(key, "@"+d.String()) }); ok {
			content = m.Content
		}
	}
	if !ok || d.Algorithm().FromBytes(content) != d {
		return "", nil
	}
	if err := s.driver.PutContent(ctx, driver.BlobPath(d), content); err != nil {
		return "", err
	}
	return "from memory", s.EndQuarantine(ctx, d)
}

// IsQuarantined reports whether this process knows d to be in quarantine or missing.
func (s *Storage) IsQuarantined(d digest.Digest) bool {
	_, known := s.quarantined.Load(d)
	return known
}

// AnyQuarantined reports whether this process knows of anything that is.
func (s *Storage) AnyQuarantined() (found bool) {
	s.quarantined.Range(func(_, _ any) bool {
		found = true
		return false
	})
	return found
}

// TellWithheld tells who wants to know that what is withheld of a repository
// changed; "" is any.
func (s *Storage) TellWithheld(repository string) {
	if s.opts.Withholds != nil {
		s.opts.Withholds(repository)
	}
}

// Unquarantine moves bytes back that are good after all: what read them wrongly
// was not the disk, or somebody mended the file.
func (s *Storage) Unquarantine(ctx context.Context, d digest.Digest) (how string, err error) {
	r, err := s.driver.Reader(ctx, QuarantinePath(d, "data"), 0)
	if err != nil {
		return "", driver.MissingIsFine(err)
	}
	found, err := SumOf(ctx, d, r, nil)
	if err = errors.Join(err, r.Close()); err != nil || !found.Good(d) {
		return "", ctx.Err()
	}
	if err := s.driver.Move(ctx, QuarantinePath(d, "data"), driver.BlobPath(d)); err != nil {
		return "", err
	}
	return "good after all", s.EndQuarantine(ctx, d)
}
