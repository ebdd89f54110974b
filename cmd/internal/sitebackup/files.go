package sitebackup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/reserve"
	"github.com/oarlock/oarlock/index/seal"
	"github.com/oarlock/oarlock/registry/backup"
)

// filesInto copies the files of the data directory that nothing else holds:
// keys, first of all, but for those that seal secrets of tenants. What is derived or
// copied already stays out, and so does what is no regular file.
func filesInto(ctx context.Context, w *backup.Writer, cfg config.Config) error {
	skip, err := notFiles(cfg)
	if err != nil {
		return err
	}
	err = filepath.WalkDir(cfg.Data, func(at string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && at != cfg.Data {
			return nil // gone since it was listed
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		full, err := filepath.Abs(at)
		if err != nil {
			return err
		}
		switch {
		case skip(full) && e.IsDir():
			return fs.SkipDir
		case skip(full), !e.Type().IsRegular():
			return nil
		}
		return fileInto(ctx, w, cfg.Data, at)
	})
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

func fileInto(ctx context.Context, w *backup.Writer, data, at string) error {
	rel, err := filepath.Rel(data, at)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := seal.ParseFileKey(content); err == nil {
		return nil // who has the backup is not to open what that key sealed
	}
	info, err := os.Stat(at)
	if err != nil {
		return err
	}
	return w.File(ctx, rel, uint32(info.Mode().Perm()), content)
}

// notFiles reports what of the data directory is no file to copy: the storage,
// the database, the catalog's checkpoints, the room kept for a full disk, and
// what is being written.
func notFiles(cfg config.Config) (func(path string) bool, error) {
	o, err := storageOptions(&cfg)
	if err != nil {
		return nil, err
	}
	var paths []string
	if o.Driver == "filesystem" {
		paths = append(paths, o.Dir)
	}
	database, lite := strings.CutPrefix(cfg.DatabaseURL(), "sqlite://")
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if lite {
			paths = append(paths, database+suffix)
		}
	}
	skipped := map[string]bool{}
	paths = append(paths, cfg.SealKeyPaths()...)
	for _, p := range append(paths, filepath.Join(cfg.Data, restoringFile), filepath.Join(cfg.Data, reserve.Name)) {
		full, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		skipped[full] = true
	}
	return func(path string) bool {
		base := filepath.Base(path)
		return skipped[path] || durable.IsTemporary(base) || strings.HasPrefix(base, "catalog.checkpoint.") || strings.HasSuffix(base, ".lock")
	}, nil
}

// filesFrom writes the files of a backup into data. Nobody but their owner may
// read them, whatever the backup says: keys are among them.
func filesFrom(v *backup.Vault, m *backup.Manifest, data string) error {
	root, err := os.OpenRoot(data) // no path of a backup leads out of it
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, f := range m.Files {
		content, err := v.Content(f.Object)
		if err == nil {
			err = writeIn(root, filepath.FromSlash(f.Path), os.FileMode(f.Mode)&0o700, content)
		}
		if err != nil {
			return fmt.Errorf("file %q: %w", f.Path, err)
		}
	}
	return nil
}

// writeIn writes a file whole, synced, with the names of the folders that lead to
// it: a key whose name a power cut takes would be made anew at the next start.
func writeIn(root *os.Root, path string, mode os.FileMode, content []byte) error {
	if err := root.MkdirAll(filepath.Dir(path), 0o700); err != nil { // it refuses what leads out
		return err
	}
	if err := durable.Replace(filepath.Join(root.Name(), path), content, mode); err != nil {
		return err
	}
	for dir := filepath.Dir(path); dir != "."; {
		dir = filepath.Dir(dir)
		if err := durable.SyncFolder(filepath.Join(root.Name(), dir)); err != nil {
			return err
		}
	}
	return nil
}
