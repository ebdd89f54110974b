package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/oarlock/oarlock/artifact"
)

// contentName and stagingName are what contentKey, unpack and discard call what
// they make. A store deletes nothing that has another name: somebody else put it
// there.
var (
	contentName = regexp.MustCompile(`^[0-9a-f]{64,128}-[0-9a-f]{16}$`)
	stagingName = regexp.MustCompile(`^(pull-[0-9]+|gone-[0-9a-f]{64,128}-[0-9a-f]{16})$`)
)

// foreign is the first name in what a store in dir would tidy up that no store
// makes, or "".
func foreign(dir string) (string, error) {
	for _, place := range []struct {
		name string
		own  *regexp.Regexp
	}{{contentDir, contentName}, {stagingDir, stagingName}} {
		entries, err := os.ReadDir(filepath.Join(dir, place.name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			if info, no := os.Lstat(filepath.Join(dir, place.name)); no == nil && !info.IsDir() {
				continue // said by noLinks
			}
			return "", fmt.Errorf("store %q: %w", dir, err)
		}
		for _, e := range entries {
			if !place.own.MatchString(e.Name()) {
				return filepath.Join(place.name, e.Name()), nil
			}
		}
	}
	return "", nil
}

// ownOnly refuses a directory without a state that can be read in which something
// lies that no store made.
func ownOnly(dir string) error {
	name, err := foreign(dir)
	if err == nil && name != "" {
		err = fmt.Errorf("store %q: it holds %.80q and no %s that says what the store holds, so it is a directory of something else: "+
			"expected a store, or an empty or new directory: %w", dir, name, stateFile, artifact.ErrInvalid)
	}
	return err
}

// clearStaging deletes what changes that were cut left behind.
func (s *Store) clearStaging() error {
	staging := filepath.Join(s.dir, stagingDir)
	entries, err := os.ReadDir(staging)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	kept := 0
	for _, e := range entries {
		if !stagingName.MatchString(e.Name()) {
			kept++
			continue
		}
		if err := os.RemoveAll(filepath.Join(staging, e.Name())); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	if kept > 0 {
		s.options.Log.Warn("store: what no store made is left alone", "dir", staging, "entries", kept)
		return nil
	}
	if err := os.Remove(staging); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
