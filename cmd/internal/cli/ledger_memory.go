package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy/trust"
)

// ledgerMemory is what this machine remembers of one ledger of given
// platforms: how far it went when it held last.
type ledgerMemory struct {
	path, key string
	err       error
}

func (c *console) ledgerMemory(ref format.Ref, platforms []trust.Signer) ledgerMemory {
	var ids []string
	for _, p := range platforms {
		ids = append(ids, p.ID.Encoded()[:16])
	}
	slices.Sort(ids)
	dir, err := os.UserConfigDir()
	return ledgerMemory{filepath.Join(dir, "oarlock", "ledgers.json"), ref.String() + " " + strings.Join(ids, " "), err}
}

func (m ledgerMemory) all() (map[string]string, error) {
	all := map[string]string{}
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
		err = fmt.Errorf("what is remembered of ledgers: %s: %w (--forget begins anew)", m.path, err)
	}
	return all, err
}

func (m ledgerMemory) head() (format.Head, error) {
	all, err := m.all()
	if err != nil || all[m.key] == "" {
		return format.Head{}, err
	}
	h, err := format.ParseHead(all[m.key])
	if err != nil {
		return h, fmt.Errorf("what is remembered of ledgers: %s: %w", m.path, err)
	}
	return h, nil
}

// remember replaces what is remembered, whole or not at all.
func (m ledgerMemory) remember(head string) error {
	if m.err != nil || head == "" {
		return nil
	}
	all, err := m.all()
	if err != nil {
		all = map[string]string{}
	}
	all[m.key] = head
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(m.path), 0o700); err != nil {
		return fmt.Errorf("remember the ledger: %w", err)
	}
	if err := durable.Replace(m.path, raw, 0o600); err != nil {
		return fmt.Errorf("remember the ledger: %w", err)
	}
	return nil
}
