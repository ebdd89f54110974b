package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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
		if err != nil && slices.Contains(next.stays, e.ID) && !errors.Is(err, artifact.ErrUnverified) && ctx.Err() == nil {
			plugin, err = s.left(now, e)
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
	return nil
}

// left is a plugin that stays where it is although it cannot be verified again:
// a registry gives nothing of what it blocks. It was verified when it came, and
// nobody is better off where it keeps the others from moving on.
func (s *Store) left(now set, e *entry) (*artifact.Plugin, error) {
	*e = *now.find(e.ID)
	r, err := s.record(e.Content)
	if err != nil {
		return nil, err
	}
	return r.Plugin, nil
}

func (s *Store) bringOne(ctx context.Context, now set, e *entry) (*artifact.Plugin, error) {
	if have := now.find(e.ID); have != nil && have.Digest == e.Digest && (e.PlatformDigest == "" || e.PlatformDigest == have.PlatformDigest) {
		e.PlatformDigest, e.Content = have.PlatformDigest, have.Content
		if s.options.Puller.options.Verifier == nil { // there is nobody to ask anything new
			record, err := s.record(e.Content)
			if err != nil {
				return nil, err
			}
			return record.Plugin, nil
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
	if _, err := os.Stat(filepath.Join(s.dir, contentDir, e.Content)); errors.Is(err, fs.ErrNotExist) {
		if err := s.unpack(ctx, v, e.Content); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	} else if err := s.verifiedAgain(v, e.Content); err != nil {
		return nil, err
	}
	return v.plugin, nil
}

// verifiedAgain writes down who is trusted to have signed content that was there.
func (s *Store) verifiedAgain(v *verified, content string) error {
	r, err := s.record(content)
	if err != nil {
		return err
	}
	if r.Digest != v.digest || r.PlatformDigest != v.manifest.Descriptor.Digest || r.Plugin.ID != v.plugin.ID {
		return fmt.Errorf("store: content %q is of %s@%s, expected %s@%s: %w", content, r.Plugin.ID, r.Digest, v.plugin.ID, v.digest, artifact.ErrUnverified)
	}
	if r.Signature == v.signature {
		return nil
	}
	r.Signature = v.signature
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(s.dir, contentDir, content, recordFile), append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// unpack fills a staging directory and gives it its name by one rename.
func (s *Store) unpack(ctx context.Context, v *verified, key string) error {
	staging := filepath.Join(s.dir, stagingDir)
	content := filepath.Join(s.dir, contentDir)
	for _, dir := range []string{staging, content} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	work, err := os.MkdirTemp(staging, "pull-*")
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer os.RemoveAll(work)
	size, err := s.options.Puller.fill(ctx, v, filepath.Join(work, filesDir))
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(v.pulled(size), "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(work, recordFile), append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := os.Chmod(work, 0o755); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := durable.SyncTree(work); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := moveInto(work, filepath.Join(content, key)); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return durable.SyncFolder(s.dir)
}

// record reads what was verified about content when it was pulled.
func (s *Store) record(content string) (*Pulled, error) {
	dir := filepath.Join(s.dir, contentDir, content)
	raw, err := os.ReadFile(filepath.Join(dir, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: content %q is gone (move the store away and install again what its lock file names): %w", dir, artifact.ErrUnverified)
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	r := &Pulled{}
	if err := json.Unmarshal(raw, r); err != nil || r.Plugin == nil {
		return nil, fmt.Errorf("store: %q is damaged: %v (move the store away and install again what its lock file names): %w",
			filepath.Join(dir, recordFile), err, artifact.ErrUnverified)
	}
	return r, nil
}

// installed is what the host may load of a set.
func (s *Store) installed(of set) ([]Installed, error) {
	out := make([]Installed, 0, len(of.Plugins))
	for _, e := range of.Plugins {
		r, err := s.record(e.Content)
		if err != nil {
			return nil, err
		}
		if r.Digest != e.Digest || r.Plugin.ID != e.ID {
			return nil, fmt.Errorf("store: content %q is of %s@%s, the state says %s@%s: %w", e.Content, r.Plugin.ID, r.Digest, e.ID, e.Digest, artifact.ErrUnverified)
		}
		out = append(out, Installed{ID: e.ID, Version: e.Version, Digest: e.Digest, PlatformDigest: e.PlatformDigest, Reference: e.Reference,
			RequestedBy: e.RequestedBy, Range: of.rangeOf(e), Signature: r.Signature, Dir: filepath.Join(s.dir, contentDir, e.Content, filesDir), Plugin: r.Plugin})
	}
	return out, nil
}
