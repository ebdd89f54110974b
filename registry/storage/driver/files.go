package driver

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// Look is Stat without bringing anything back; a file is asked for directly.
func (d *Driver) Look(ctx context.Context, path string) (storagedriver.FileInfo, error) {
	if d.root == "" {
		return d.StorageDriver.Stat(ctx, path)
	}
	fi, err := os.Stat(filepath.Join(d.root, path))
	if err != nil {
		return nil, d.missing(path, err)
	}
	return storagedriver.FileInfoInternal{FileInfoFields: storagedriver.FileInfoFields{
		Path: path, Size: fi.Size(), ModTime: fi.ModTime(), IsDir: fi.IsDir(),
	}}, nil
}

// read is GetContent without bringing anything back.
func (d *Driver) read(ctx context.Context, path string) ([]byte, error) {
	if d.root == "" {
		return d.StorageDriver.GetContent(ctx, path)
	}
	content, err := os.ReadFile(filepath.Join(d.root, path))
	if err != nil {
		return nil, d.missing(path, err)
	}
	return content, nil
}

func (d *Driver) missing(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return storagedriver.PathNotFoundError{Path: path, DriverName: d.Name()}
	}
	return err
}
