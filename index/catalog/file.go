package catalog

import (
	"fmt"
	"os"
	"path/filepath"
)

// SaveFile writes g to path so that a crash leaves either the old file or the
// new one, whole.
func SaveFile(path string, g *Generation) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	defer os.Remove(f.Name())
	err = Save(f, g)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("checkpoint %q: %w", path, err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("checkpoint: %q: %w", dir, err)
	}
	return nil
}

// LoadFile reads what SaveFile wrote. Errors wrap fs.ErrNotExist where there
// is none, and artifact.ErrInvalid for one that is damaged.
func LoadFile(path string) (*Generation, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	defer f.Close()
	return Load(f)
}
