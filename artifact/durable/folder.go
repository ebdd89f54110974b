package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// MakeFolder makes dir and the folders above it with mode where they are
// missing, and makes their names last.
func MakeFolder(dir string, mode fs.FileMode) error {
	err := os.Mkdir(dir, mode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := MakeFolder(filepath.Dir(dir), mode); err != nil {
			return err
		}
		err = os.Mkdir(dir, mode)
	}
	if errors.Is(err, fs.ErrExist) {
		return isFolder(dir)
	}
	if err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(dir))
}

func isFolder(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("a file is there, expected a folder")}
	}
	return err
}

// SyncFolder makes the names in dir last: what was created, renamed or removed
// there. Windows has no such call; there it does nothing.
func SyncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return SyncFile(dir)
}

// SyncFile makes the bytes of the file at path last, whoever wrote them.
func SyncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// SyncTree makes every file and name below dir last.
func SyncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return SyncFolder(path)
		case e.Type().IsRegular():
			return SyncFile(path)
		}
		return nil
	})
}
