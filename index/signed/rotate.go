package signed

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/oarlock/oarlock/artifact/durable"
)

// A Rotation says what the next root changes. The zero Rotation makes a new
// root key.
type Rotation struct {
	// KeepRootKey only makes the root last longer.
	KeepRootKey bool
	// OnlineKeys makes new keys of targets, snapshot and timestamp too. Readers
	// then forget which versions they saw, so it is also how a site goes on
	// after it was restored from a backup.
	OnlineKeys bool
	// RootKeyDir is where a new root key is kept; empty is beside the others.
	RootKeyDir string
}

// begin makes the first root. Who comes second takes the first one's.
func (k *Keys) begin() error {
	root := metadata.Root(expiry(k.o.Now(), k.o.RootLifetime))
	root.Signed.ConsistentSnapshot = false
	signers, err := k.assign(root, k.dir, append([]string{metadata.ROOT}, onlineRoles...))
	if err != nil {
		return err
	}
	raw, err := seal(root, signers[metadata.ROOT])
	if err != nil {
		return err
	}
	if err := durable.Create(k.rootPath(1), raw, 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// assign makes new keys and gives them to roles, each the only one.
func (k *Keys) assign(root *metadata.Metadata[metadata.RootType], rootDir string, roles []string) (map[string][]signature.Signer, error) {
	made := map[string][]signature.Signer{}
	for _, role := range roles {
		dir := k.dir
		if role == metadata.ROOT {
			dir = rootDir
		}
		s, err := newKey(dir, role)
		if err != nil {
			return nil, err
		}
		key, id, err := keyOf(s)
		if err != nil {
			return nil, err
		}
		root.Signed.Keys[id] = key
		root.Signed.Roles[role] = &metadata.Role{KeyIDs: []string{id}, Threshold: 1}
		made[role] = []signature.Signer{s}
	}
	return made, nil
}

// Rotate makes the next root, signed by the keys of the one before and its own.
// It counts once this returns; the next publication carries it. The error wraps
// ErrRootOffline where too few keys of the root are here, and fs.ErrExist where
// somebody else rotated meanwhile.
func (k *Keys) Rotate(r Rotation) (version int64, err error) {
	if err := k.Reload(); err != nil {
		return 0, err
	}
	if !k.RootOnline() {
		return 0, fmt.Errorf("catalog root: %w: rotate where it is, with --root-key FILE, and bring the new root here", ErrRootOffline)
	}
	now := k.ring()
	next, err := parseRoot(now.roots[len(now.roots)-1])
	if err != nil {
		return 0, err
	}
	next.Signed.Version++
	next.Signed.Expires = expiry(k.o.Now(), k.o.RootLifetime)
	var roles []string
	if !r.KeepRootKey {
		roles = append(roles, metadata.ROOT)
	}
	if r.OnlineKeys {
		roles = append(roles, onlineRoles...)
	}
	dir := r.RootKeyDir
	if dir == "" {
		dir = k.dir
	}
	made, err := k.assign(next, dir, roles)
	if err != nil {
		return 0, fmt.Errorf("catalog root: %w", err)
	}
	dropUnused(next)
	raw, err := seal(next, append(now.of(metadata.ROOT), made[metadata.ROOT]...))
	if err != nil {
		return 0, fmt.Errorf("catalog root: %w", err)
	}
	if err := durable.Create(k.rootPath(next.Signed.Version), raw, 0o600); err != nil {
		return 0, fmt.Errorf("catalog root: version %d: %w", next.Signed.Version, err)
	}
	if err := k.Reload(); err != nil {
		return 0, err
	}
	return next.Signed.Version, k.sweep(roles)
}

// dropUnused takes out keys that no role names.
func dropUnused(root *metadata.Metadata[metadata.RootType]) {
	maps.DeleteFunc(root.Signed.Keys, func(id string, _ *metadata.Key) bool {
		for _, role := range root.Signed.Roles {
			if slices.Contains(role.KeyIDs, id) {
				return false
			}
		}
		return true
	})
}

// sweep removes the files of keys of roles that count no more.
func (k *Keys) sweep(roles []string) error {
	files, err := filepath.Glob(filepath.Join(k.dir, "*.pem"))
	if err != nil {
		return err
	}
	root := k.ring().root
	for _, path := range files {
		id, _, err := readKey(path)
		if err != nil || !isKeyOf(path, roles) {
			continue
		}
		if _, counts := root.Signed.Keys[id]; counts {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("catalog root: version %d counts, but an old key stays: %w", root.Signed.Version, err)
		}
	}
	return nil
}
