package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// readLock reads the lock file at path, of resolve --lock or of a store; one that
// is not there is empty, unless it must be. What is not a lock file is an error, so
// that none is written over.
func readLock(path string, must bool) (*client.Lockfile, error) {
	if path == "" {
		return &client.Lockfile{}, nil
	}
	raw, err := bounded.ReadFile(path, bounded.Document)
	switch {
	case errors.Is(err, fs.ErrNotExist) && must:
		return nil, fmt.Errorf("lock %s: it is not there, and --frozen makes none: %w", path, artifact.ErrNotFound)
	case errors.Is(err, fs.ErrNotExist):
		return &client.Lockfile{}, nil
	case err != nil:
		return nil, argument(fmt.Errorf("lock: %w", err))
	}
	l, err := client.ParseLockfile(raw)
	if err != nil {
		return nil, argument(fmt.Errorf("lock %s: it is left as it is, because it is not what \"oarlock resolve --lock\" writes (%s); "+
			"name another file: %w", path, text(err), artifact.ErrInvalid))
	}
	return l, nil
}

func frozenError(path string, changed []client.LockChange) error {
	all := make([]string, len(changed))
	for i, c := range changed {
		all[i] = c.String()
	}
	return fmt.Errorf("resolve: lock %s is frozen and the answer is another: %s; it is left as it is, without --frozen it is written anew: %w",
		path, strings.Join(all, "; "), artifact.ErrConflict)
}

// writeLock replaces the file whole and durably.
func writeLock(path string, q index.ResolveRequest, r *index.Resolution) error {
	l := client.NewLockfile(q, r)
	if err := writeOut(path, func(w io.Writer) error { return encodeJSON(w, l) }); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}
