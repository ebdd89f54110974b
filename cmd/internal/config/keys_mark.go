package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index/auth"
)

// KeysMarkFile is the name of the file in the data directory that says what the
// keys beside it belong to: the database may be another one than theirs.
const KeysMarkFile = "site.kind"

// KeysMark reads what the keys in a data directory belong to: "" where there is
// no platform key, and auth.UnsaidSite where there is one without a mark.
func KeysMark(data string) (auth.SiteKind, error) {
	path := filepath.Join(data, KeysMarkFile)
	raw, err := bounded.ReadFile(path, bounded.Key)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Lstat(filepath.Join(data, PlatformKeyFile))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", nil
		case err != nil:
			return "", fmt.Errorf("platform key: %w", err)
		}
		return auth.UnsaidSite, nil
	}
	if err != nil {
		return "", fmt.Errorf("what the keys belong to: %w", err)
	}
	kind := auth.SiteKind(strings.TrimSpace(string(raw)))
	if kind != auth.GuardedSite && kind != auth.DevSite {
		return "", fmt.Errorf("what the keys belong to: %s: %.40q, expected %q or %q: restore it from a backup", path, kind, auth.GuardedSite, auth.DevSite)
	}
	return kind, nil
}

// MarkKeys writes down what the keys in a data directory belong to.
func MarkKeys(data string, kind auth.SiteKind) error {
	if was, err := KeysMark(data); err == nil && was == kind {
		return nil
	}
	if err := durable.Replace(filepath.Join(data, KeysMarkFile), []byte(kind+"\n"), 0o600); err != nil {
		return fmt.Errorf("what the keys belong to: %w", err)
	}
	return nil
}
