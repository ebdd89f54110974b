package catalog

import (
	"fmt"
	"io"
	"os"

	"github.com/oarlock/oarlock/artifact/durable"
)

// SaveFile writes g to path so that a crash leaves either the old file or the
// new one, whole.
func SaveFile(path string, g *Generation) error {
	err := durable.ReplaceBy(path, 0o600, func(w io.Writer) error { return Save(w, g) })
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
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
