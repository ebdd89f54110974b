package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
)

// knownLog is what this machine remembers of the publication log of a server.
type knownLog struct {
	Key        string `json:"key"`
	Checkpoint string `json:"checkpoint,omitempty"`
}

// logMemory remembers logs, by server.
type logMemory struct {
	path string
	err  error
}

func newLogMemory() logMemory {
	dir, err := os.UserConfigDir()
	return logMemory{filepath.Join(dir, "oarlock", "logs.json"), err}
}

func (m logMemory) all() (map[string]knownLog, error) {
	all := map[string]knownLog{}
	if m.err != nil {
		return all, nil // a machine without a home remembers nothing
	}
	raw, err := bounded.ReadFile(m.path, bounded.Document)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		err = fmt.Errorf("what is remembered of publication logs: %s: %w (--forget begins anew)", m.path, err)
	}
	return all, err
}

// of is what is remembered of a server's log.
func (m logMemory) of(server string) (knownLog, error) {
	all, err := m.all()
	return all[server], err
}

// remember replaces what is remembered, whole or not at all.
func (m logMemory) remember(server string, seen knownLog) error {
	if m.err != nil {
		return nil
	}
	all, err := m.all()
	if err != nil {
		all = map[string]knownLog{}
	}
	all[server] = seen
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(m.path), 0o700); err != nil {
		return fmt.Errorf("remember the log: %w", err)
	}
	if err := durable.Replace(m.path, raw, 0o600); err != nil {
		return fmt.Errorf("remember the log: %w", err)
	}
	return nil
}
