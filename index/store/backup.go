package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oarlock/oarlock/artifact"
)

// Backup writes a consistent copy of a running SQLite database to path, which
// must not be there: it appears whole or not at all. Writers go on meanwhile.
// For PostgreSQL, whose own tools do this better, it wraps artifact.ErrInvalid.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.postgres() {
		return fmt.Errorf("backup: PostgreSQL is backed up with pg_dump or a base backup: %w", artifact.ErrInvalid)
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("backup %q: it is there already: %w", path, artifact.ErrConflict)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".backup-*")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tmp := filepath.Join(dir, "copy")
	if _, err := s.read.ExecContext(ctx, "VACUUM INTO ?", tmp); err != nil {
		return wrap("backup", err)
	}
	if err := verifyCopy(ctx, tmp); err != nil {
		return err
	}
	if err := syncPath(tmp); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	// Unlike a rename, a link never replaces what came meanwhile.
	if err := os.Link(tmp, path); err != nil {
		return fmt.Errorf("backup %q: %w", path, err)
	}
	if err := syncPath(filepath.Dir(path)); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// verifyCopy opens what was written and reads all of it.
func verifyCopy(ctx context.Context, path string) error {
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	s, err := openSQLite(ctx, path)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	err = s.Check(ctx)
	if err == nil {
		_, err = s.VerifyAudit(ctx)
	}
	return errors.Join(err, s.Close())
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
