package client

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
)

// mustBeFree is dir made absolute. It refuses one that holds something, with
// an error that wraps artifact.ErrConflict, and one that the process stands in,
// because it will be replaced.
func mustBeFree(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(abs, here); err == nil && filepath.IsLocal(rel) {
			return "", fmt.Errorf("directory %q holds the current one, name one that does not: %w", dir, artifact.ErrInvalid)
		}
	}
	f, err := os.Open(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return abs, nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); errors.Is(err, io.EOF) {
		return abs, nil
	} else if err != nil {
		return "", err
	}
	return "", fmt.Errorf("directory %q is not empty: %w", dir, artifact.ErrConflict)
}

// moveInto puts from in the place of dir, which is empty or not there.
func moveInto(from, dir string) error {
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%q: %s: %w", dir, err, artifact.ErrConflict)
	}
	if err := os.Rename(from, dir); err != nil {
		return err
	}
	return durable.SyncFolder(filepath.Dir(dir))
}
