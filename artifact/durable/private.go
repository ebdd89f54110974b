package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Private makes dir a folder that only its owner may enter, with all above it
// that is missing. One that others may enter is closed, and then all below it
// is taken from them too; links are not followed. Where dir is closed already
// nothing below is looked at. On Windows it only makes dir.
func Private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !open(fi) {
		return nil
	}
	if err := os.Chmod(dir, fi.Mode().Perm()&^0o077); err != nil {
		return fmt.Errorf("%w: others may read what is in it", err)
	}
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && e.Type()&fs.ModeSymlink != 0 {
			return nil
		}
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err == nil && open(fi) {
			err = os.Chmod(path, fi.Mode().Perm()&^0o077)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went while this was read
		}
		return err
	})
}

func open(fi fs.FileInfo) bool { return fi.Mode().Perm()&0o077 != 0 }
