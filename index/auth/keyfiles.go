package auth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
)

const keySuffix = ".jwk.json"

// KeyFiles keeps signing keys as files of one folder, readable by their owner
// alone. A file that others can read is refused.
type KeyFiles struct{ dir string }

// OpenKeyFiles makes the folder (0700) when it is not there.
func OpenKeyFiles(dir string) (*KeyFiles, error) {
	if err := durable.MakeFolder(dir, 0o700); err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	return &KeyFiles{dir}, nil
}

// LoadKeys implements KeyStore.
func (f *KeyFiles) LoadKeys(context.Context) (map[string][]byte, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	keys := map[string][]byte{}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), keySuffix)
		if !ok || strings.HasPrefix(id, ".") {
			continue
		}
		path := filepath.Join(f.dir, e.Name())
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if loose := info.Mode().Perm() & 0o077; loose != 0 {
			return nil, invalid("%s: mode %04o lets others read the key: expected 0600", path, info.Mode().Perm())
		}
		if keys[id], err = bounded.ReadFile(path, bounded.Key); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// SaveKey implements KeyStore. The file appears whole or not at all.
func (f *KeyFiles) SaveKey(_ context.Context, id string, key []byte) error {
	return durable.Replace(filepath.Join(f.dir, id+keySuffix), key, 0o600)
}

// RemoveKey implements KeyStore.
func (f *KeyFiles) RemoveKey(_ context.Context, id string) error {
	err := os.Remove(filepath.Join(f.dir, id+keySuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return durable.SyncFolder(f.dir)
}
