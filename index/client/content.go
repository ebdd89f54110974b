package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
)

const (
	contentDir = "content"
	stagingDir = "staging"
	filesDir   = "files"
	recordFile = "record.json"
)

// contentKey names the directory of one version for one platform.
func contentKey(version, platform digest.Digest) string {
	return version.Encoded() + "-" + platform.Encoded()[:16]
}

// bring makes sure that the content of every plugin of next is there and
// verified now, by whoever is trusted today, also where it came earlier, and
// that together they are what next says.
func (s *Store) bring(ctx context.Context, now set, next *set) error {
	plugins := map[artifact.Name]*artifact.Plugin{}
	for n := range next.Plugins {
		e := &next.Plugins[n]
		plugin, err := s.bringOne(ctx, now, e)
		if err != nil && mayStay(now, *next, *e, err) && ctx.Err() == nil {
			plugin, err = s.left(now, e), nil
		}
		if errors.Is(err, artifact.ErrDenied) {
			return &deniedError{e.ID, err}
		}
		if err != nil {
			return err
		}
		plugins[e.ID] = plugin
	}
	for _, e := range next.Plugins {
		if err := s.coherent(e, plugins, *next); err != nil {
			return fmt.Errorf("%s: the catalog's answer does not hold: %w", e.Reference, err)
		}
	}
	return neededOnly(plugins, *next)
}

// mayStay reports whether e is active as it is and may stay so though err kept it
// from being verified again: it was withdrawn, or the registry refuses it to this
// reader. Who signed it must not have become somebody whom nobody trusts.
func mayStay(now, next set, e entry, err error) bool {
	if errors.Is(err, artifact.ErrUnverified) {
		return false
	}
	have := now.find(e.ID)
	return slices.Contains(next.stays, e.ID) || have != nil && have.Digest == e.Digest && errors.Is(err, artifact.ErrDenied)
}

// left is a plugin that stays where it is although it cannot be verified again:
// a registry gives nothing of what it blocks. It was verified when it came, and
// nobody is better off where it keeps the others from moving on; where its files
// are damaged they stay that, and are named. Nil is that not even what it is can be
// read.
func (s *Store) left(now set, e *entry) *artifact.Plugin {
	by := e.RequestedBy
	*e = *now.find(e.ID)
	e.RequestedBy = by
	r, err := s.recordOf(*e)
	if err != nil {
		return nil
	}
	return r.Plugin
}

func (s *Store) bringOne(ctx context.Context, now set, e *entry) (*artifact.Plugin, error) {
	if have := now.find(e.ID); have != nil && have.Digest == e.Digest && (e.PlatformDigest == "" || e.PlatformDigest == have.PlatformDigest) {
		e.PlatformDigest, e.Content, e.Record, e.Signature = have.PlatformDigest, have.Content, have.Record, have.Signature
		if s.options.Puller.options.Verifier == nil { // there is nobody to ask anything new
			if record, err := s.held(*e, everyByte); err == nil && e.Record != "" {
				return record.Plugin, nil
			}
		}
	}
	p := s.options.Puller
	ref, err := ParseReference(e.Reference)
	if err != nil {
		return nil, err
	}
	at, err := p.open(ref)
	if err != nil {
		return nil, err
	}
	v, err := p.verified(ctx, at, wanted{id: e.ID, version: e.Version.String(), digest: e.Digest, platform: e.PlatformDigest})
	if err != nil {
		return nil, err
	}
	e.PlatformDigest = v.manifest.Descriptor.Digest
	e.Content = contentKey(v.digest, e.PlatformDigest)
	return v.plugin, s.place(ctx, now, v, e)
}

// place makes sure that the content of v is there, whole and as it was verified:
// what is gone or was changed comes again.
func (s *Store) place(ctx context.Context, now set, v *verified, e *entry) error {
	e.Signature = &v.signature
	if e.Record = now.records[e.Content]; e.Record != "" {
		r, err := s.held(*e, everyByte)
		if err == nil && r.Digest == v.digest && r.PlatformDigest == e.PlatformDigest && r.Plugin.ID == v.plugin.ID {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("store: content %q is of %s@%s: %w", e.Content, r.Plugin.ID, r.Digest, artifact.ErrUnverified)
		}
		s.options.Log.Warn("store: content is not what was verified, and is brought again", "dir", s.dir, "plugin", e.ID, "error", err)
	}
	if have := now.find(e.ID); have != nil && have.Digest == e.Digest {
		e.restored = true
	}
	var err error
	e.Record, err = s.unpack(ctx, v, e.Content)
	return err
}

// unpack fills a staging directory and gives it its name by one rename.
func (s *Store) unpack(ctx context.Context, v *verified, key string) (digest.Digest, error) {
	if err := s.begun(); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	staging := filepath.Join(s.dir, stagingDir)
	content := filepath.Join(s.dir, contentDir)
	for _, dir := range []string{staging, content} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", fmt.Errorf("store: %w", err)
		}
	}
	work, err := os.MkdirTemp(staging, "pull-*")
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	defer os.RemoveAll(work)
	size, err := s.options.Puller.fill(ctx, v, filepath.Join(work, filesDir))
	if err != nil {
		return "", err
	}
	if err := durable.SyncTree(work); err != nil { // before the times of files are written down
		return "", fmt.Errorf("store: %w", err)
	}
	files, err := inventory(filepath.Join(work, filesDir))
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	raw, err := json.MarshalIndent(record{*v.pulled(size), files}, "", "  ")
	if err != nil {
		return "", err
	}
	raw = append(raw, '\n')
	if err := os.WriteFile(filepath.Join(work, recordFile), raw, 0o644); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	if err := os.Chmod(work, 0o755); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	if err := durable.SyncTree(work); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	if _, err := os.Lstat(filepath.Join(content, key)); err == nil { // a cut here leaves it gone, and the next change brings it again
		if err := s.discard(key); err != nil {
			return "", err
		}
	}
	if err := moveInto(work, filepath.Join(content, key)); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return digest.FromBytes(raw), durable.SyncFolder(s.dir)
}

// installed is what the host may load of a set. Where some of it does not hold the
// error is a *DamagedError that names all of that, beside the rest.
func (s *Store) installed(of set, how scrutiny) ([]Installed, error) {
	out := make([]Installed, 0, len(of.Plugins))
	var damaged []Damaged
	for _, e := range of.Plugins {
		switch one, err := s.installedOne(of, e, how); {
		case errors.Is(err, artifact.ErrUnverified):
			damaged = append(damaged, Damaged{e.ID, e.Version.String(), err.Error()})
		case err != nil:
			return nil, err
		default:
			out = append(out, one)
		}
	}
	if len(damaged) > 0 {
		return out, &DamagedError{damaged}
	}
	return out, nil
}

// split is what installed says of a set of which some may be damaged.
func (s *Store) split(of set) ([]Installed, []Damaged, error) {
	all, err := s.installed(of, namesAndSizes)
	if bad, is := errors.AsType[*DamagedError](err); is {
		return all, bad.Damaged, nil
	}
	return all, nil, err
}

func (s *Store) installedOne(of set, e entry, how scrutiny) (Installed, error) {
	r, err := s.held(e, how)
	if err != nil {
		return Installed{}, err
	}
	if r.Digest != e.Digest || r.Plugin.ID != e.ID {
		return Installed{}, fmt.Errorf("store: content %q is of %s@%s, the state says %s@%s: %w", e.Content, r.Plugin.ID, r.Digest, e.ID, e.Digest, artifact.ErrUnverified)
	}
	return Installed{ID: e.ID, Version: e.Version, Digest: e.Digest, PlatformDigest: e.PlatformDigest, Reference: e.Reference,
		RequestedBy: e.RequestedBy, Range: of.rangeOf(e), Signature: *cmp.Or(e.Signature, &r.Signature), Dir: filepath.Join(s.dir, contentDir, e.Content, filesDir), Plugin: r.Plugin}, nil
}
