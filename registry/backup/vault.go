package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
)

const (
	stampFile = "oarlock-backups"
	stamp     = "1\n"
	lockFile  = ".lock"
)

// A Vault is an open directory of backups. Close gives its lock back.
type Vault struct {
	dir    string
	writes bool
	unlock func() error
}

// Create opens the vault at dir to write to it, and makes it where dir is
// missing or empty. A directory that holds something else, and a vault that
// somebody else uses, wrap artifact.ErrConflict.
func Create(dir string) (*Vault, error) {
	v, err := create(dir)
	if err != nil {
		return nil, fmt.Errorf("backups %q: %w", dir, err)
	}
	return v, nil
}

func create(dir string) (_ *Vault, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := isVault(dir); errors.Is(err, artifact.ErrNotFound) {
		if err := vacant(dir); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	v := &Vault{dir: dir, writes: true}
	if v.unlock, err = lock(filepath.Join(dir, lockFile), durable.Lock); err != nil {
		return nil, err
	}
	err = errors.Join(os.RemoveAll(v.path("tmp")), os.MkdirAll(v.path("tmp"), 0o700), os.MkdirAll(v.path("backups"), 0o700))
	if err == nil {
		err = durable.Replace(v.path(stampFile), []byte(stamp), 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

// Open opens the vault at dir to read it. A directory that is none wraps
// artifact.ErrNotFound, one that is being written artifact.ErrConflict.
func Open(dir string) (*Vault, error) {
	v := &Vault{dir: dir, unlock: func() error { return nil }}
	err := isVault(dir)
	if err == nil {
		var unlock func() error
		// A vault on a medium that is read-only has nobody to be kept out.
		if unlock, err = lock(v.path(lockFile), durable.LockShared); err == nil {
			v.unlock = unlock
		} else if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("backups %q: %w", dir, err)
	}
	return v, nil
}

// lock holds a vault's file: alone, or together with others who read.
func lock(path string, how func(string) (func() error, error)) (unlock func() error, err error) {
	unlock, err = how(path)
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("another backup, restore or check uses it: %w", artifact.ErrConflict)
	}
	return unlock, err
}

// Close gives the lock back.
func (v *Vault) Close() error { return v.unlock() }

func (v *Vault) path(elem ...string) string {
	return filepath.Join(append([]string{v.dir}, elem...)...)
}

func isVault(dir string) error {
	content, err := os.ReadFile(filepath.Join(dir, stampFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s: no backup was made here: %w", stampFile, artifact.ErrNotFound)
	case err != nil:
		return err
	case string(content) != stamp:
		return fmt.Errorf("%s says %.20q, this release reads %q: %w", stampFile, content, stamp, artifact.ErrInvalid)
	}
	return nil
}

// vacant accepts a directory with nothing in it, or with what a first backup
// that was cut at once left there.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains([]string{lockFile, "tmp", "backups"}, e.Name()) {
			return fmt.Errorf("it holds %q and is no directory of backups: give an empty one: %w", e.Name(), artifact.ErrConflict)
		}
	}
	return nil
}

// List gives the ids of all backups, the newest first.
func (v *Vault) List() ([]string, error) {
	entries, err := os.ReadDir(v.path("backups"))
	if err != nil {
		return nil, fmt.Errorf("backups: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".json"); ok && isID(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, nil
}

// Find gives the id that begins with what is asked for; "" asks for the newest.
func (v *Vault) Find(begin string) (string, error) {
	ids, err := v.List()
	if err != nil {
		return "", err
	}
	var found []string
	for _, id := range ids {
		if strings.HasPrefix(id, begin) {
			found = append(found, id)
		}
	}
	switch {
	case len(found) == 0 && begin == "":
		return "", fmt.Errorf("backups %q: no backup was finished here: %w", v.dir, artifact.ErrNotFound)
	case len(found) == 0:
		return "", fmt.Errorf("backup %q: %w", begin, artifact.ErrNotFound)
	case len(found) > 1 && begin != "":
		return "", fmt.Errorf("backup %q: %d begin so, the newest is %q: %w", begin, len(found), found[0], artifact.ErrInvalid)
	}
	return found[0], nil
}

// Load reads the backup id and checks it.
func (v *Vault) Load(id string) (*Manifest, error) {
	content, err := os.ReadFile(v.path("backups", id+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("backup %q: %w", id, artifact.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("backup %q: %w", id, err)
	}
	return decode(id, content)
}

// Dir is where the vault is.
func (v *Vault) Dir() string { return v.dir }
