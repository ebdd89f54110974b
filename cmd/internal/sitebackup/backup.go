package sitebackup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry/backup"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Options say how a backup is made.
type Options struct {
	Version  string
	Keep     int // how many backups stay; 0 is all
	Log      *slog.Logger
	Progress func(backup.Progress)
}

// Made is a backup that was made.
type Made struct {
	ID           string          `json:"id"`
	CreatedAt    time.Time       `json:"created_at"`
	Repositories int             `json:"repositories"`
	Tables       int             `json:"tables"`
	Rows         int64           `json:"rows"`
	Files        int             `json:"files"`
	NewObjects   int             `json:"new_objects"`
	NewBytes     int64           `json:"new_bytes"`
	Catalog      string          `json:"catalog_digest,omitempty"`
	Damage       []backup.Damage `json:"damage"`
	Pruned       []string        `json:"pruned,omitempty"`
	// SealKeys are the keys without which the configurations of tenants in the
	// backup cannot be opened. None of them is in it.
	SealKeys []SealKey `json:"seal_keys"`
}

// A SealKey is a key that a backup needs and does not have.
type SealKey struct {
	ID string `json:"id"`
	// File is where it is now; empty where it is in no file here.
	File string `json:"file,omitempty"`
}

// sealKeysOf are the keys that opening what is in the database takes.
func sealKeysOf(ctx context.Context, cfg config.Config, db *store.Store, tables []backup.Table) ([]SealKey, error) {
	if !slices.ContainsFunc(tables, func(t backup.Table) bool { return t.Name == "tenant_configs" }) {
		return []SealKey{}, nil // of a server from before there were any
	}
	used, err := db.SealKeys(ctx)
	out, at := []SealKey{}, cfg.SealKeys()
	for _, id := range used {
		out = append(out, SealKey{id, at[id]})
	}
	return out, err
}

// Make copies the site of cfg to the directory dest, beside the server
// that serves it, or without one. It reads storage and database itself, takes
// no lock of theirs and changes nothing in them. First the registry, then the
// database, so that every namespace in the one has its owner in the other, and
// then the files of the data directory.
func Make(ctx context.Context, cfg config.Config, dest string, o Options) (_ Made, err error) {
	if err := apart(cfg, dest); err != nil {
		return Made{}, err
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, config.PlatformKeyFile)); err != nil {
		return Made{}, config.Unusable(fmt.Errorf("data: %w: give the data directory of a server that ran, since a site without its keys does not go on", err))
	}
	held, err := openBeside(ctx, &cfg, o.Log)
	if err != nil {
		return Made{}, config.Unusable(fmt.Errorf("storage: %w", err))
	}
	defer func() { err = errors.Join(err, held.close()) }()
	db, err := store.OpenBeside(ctx, cfg.DatabaseURL())
	if err != nil {
		return Made{}, config.Unusable(fmt.Errorf("db: %w", err))
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	v, err := backup.Create(dest)
	if err != nil {
		return Made{}, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	w, err := v.Begin(backup.Options{Oarlock: o.Version, Progress: o.Progress})
	if err != nil {
		return Made{}, err
	}
	if err := w.Registry(ctx, held.storage, held.blocks); err != nil {
		return Made{}, err
	}
	if err := dumpInto(ctx, w, db); err != nil {
		return Made{}, err
	}
	keys, err := sealKeysOf(ctx, cfg, db, w.Manifest().Database.Tables)
	if err != nil {
		return Made{}, err
	}
	if err := filesInto(ctx, w, cfg); err != nil {
		return Made{}, err
	}
	if err := catalogInto(ctx, v, w, cfg, o.Log); err != nil {
		return Made{}, err
	}
	id, err := w.Commit()
	if err != nil {
		return Made{}, err
	}
	made := reportOf(id, w)
	made.SealKeys = keys
	if o.Keep > 0 {
		pruned, err := v.Prune(ctx, o.Keep)
		if err != nil {
			return made, err
		}
		made.Pruned = pruned.Backups
	}
	return made, nil
}

func reportOf(id string, w *backup.Writer) Made {
	m, p := w.Manifest(), w.Progress()
	b := Made{ID: id, CreatedAt: m.Created, Repositories: len(m.Repositories), Files: len(m.Files),
		NewObjects: p.Objects, NewBytes: p.Bytes, Damage: m.Damage}
	if b.Damage == nil {
		b.Damage = []backup.Damage{}
	}
	if m.Database != nil {
		b.Tables = len(m.Database.Tables)
		for _, t := range m.Database.Tables {
			b.Rows += t.Rows
		}
	}
	if m.Catalog != nil {
		b.Catalog = m.Catalog.Digest.String()
	}
	return b
}

// dumpInto copies every table, as of one moment.
func dumpInto(ctx context.Context, w *backup.Writer, db *store.Store) error {
	schema, tables, err := db.Dump(ctx, func(table string, rows int64, lines []byte) error {
		return w.Rows(ctx, table, rows, lines)
	})
	if err != nil {
		return err
	}
	described := make([]backup.Table, len(tables))
	for i, t := range tables {
		described[i] = backup.Table{Name: t.Name, Columns: t.Columns}
	}
	w.Schema(schema, described)
	return nil
}

// held is what a registry stands on.
type held struct {
	storage *storage.Storage
	blocks  *block.Blocks
}

// hold reads what is blocked in s, which it closes where that fails.
func hold(ctx context.Context, s *storage.Storage) (held, error) {
	b, err := block.Open(ctx, s, block.Options{})
	if err != nil {
		return held{}, errors.Join(err, s.Close())
	}
	return held{s, b}, nil
}

func (h held) close() error {
	h.blocks.Close()
	return h.storage.Close()
}

// openBeside opens the storage to read it while a server writes it.
func openBeside(ctx context.Context, c *config.Config, log *slog.Logger) (held, error) {
	o, err := storageOptions(c)
	if err != nil {
		return held{}, err
	}
	o.ReadOnly, o.Replicated, o.Logger = true, true, log
	s, err := storage.Open(ctx, o)
	if err != nil {
		return held{}, err
	}
	return hold(ctx, s)
}

// storageOptions are what opens the storage of c, and nothing else.
func storageOptions(c *config.Config) (storage.Options, error) {
	place, err := config.ParseStorage(c.Storage)
	if err != nil {
		return storage.Options{}, err
	}
	dir := place.Dir
	if dir == "" && place.Driver == "filesystem" {
		dir = filepath.Join(c.Data, "registry")
	}
	return storage.Options{Options: driver.Options{Dir: dir, Driver: place.Driver, Parameters: place.Parameters}, CacheBytes: c.Limits.Cache}, nil
}

// apart keeps a backup out of what it copies, and the other way round.
func apart(cfg config.Config, dest string) error {
	own := []string{cfg.Data}
	if o, err := storageOptions(&cfg); err == nil && o.Driver == "filesystem" {
		own = append(own, o.Dir)
	}
	to, err := real(dest)
	if err != nil {
		return err
	}
	for _, dir := range own {
		from, err := real(dir)
		if err != nil {
			return err
		}
		if below(from, to) || below(to, from) {
			return config.Unusable(fmt.Errorf("backups %q: that is in %q, which is copied, or holds it: give a directory apart from it, best on another disk", dest, dir))
		}
	}
	return nil
}

func below(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// real is path without links, as far as it is there.
func real(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	at, err := filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) && filepath.Dir(path) != path {
		dir, err := real(filepath.Dir(path))
		return filepath.Join(dir, filepath.Base(path)), err
	}
	return at, err
}
