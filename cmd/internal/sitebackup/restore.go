package sitebackup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry/backup"
	"github.com/oarlock/oarlock/registry/storage"
)

const (
	// restoringFile is in a data directory while a backup is restored into it.
	// A server does not start there.
	restoringFile = "restoring.json"
)

// RestoreOptions say what is restored, and how.
type RestoreOptions struct {
	Backup   string // the beginning of an id; "" is the newest
	Log      *slog.Logger
	Progress func(backup.Progress)
	// Step, if set, hears which part comes next: "bytes", "rows", "files",
	// "audit" and "catalog". Its error ends the restore there; the next goes on.
	Step func(part string) error
}

// Restored is what a restore did.
type Restored struct {
	ID           string    `json:"id"`
	CreatedAt    time.Time `json:"created_at"`
	Repositories int       `json:"repositories"`
	Objects      int       `json:"objects"`
	Bytes        int64     `json:"bytes"`
	Rows         int64     `json:"rows"`
	Files        int       `json:"files"`
	// Trust is where the backup's trust policy was written, or "".
	Trust string `json:"trust,omitempty"`
	// Backup and Rebuilt are the digests of the catalog: that of the backup,
	// and that of what is stored now.
	Backup  string          `json:"backup_catalog_digest,omitempty"`
	Rebuilt string          `json:"rebuilt_digest"`
	Agrees  bool            `json:"agrees"`
	Damage  []backup.Damage `json:"damage"`
}

// Restore fills the empty site of cfg from the backups at src. Where
// anything is there already, it is refused and nothing is changed, but for what
// an earlier call left that was cut: that goes on.
func Restore(ctx context.Context, cfg config.Config, src string, o RestoreOptions) (_ Restored, err error) {
	v, err := backup.Open(src)
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	id, err := v.Find(o.Backup)
	if err != nil {
		return Restored{}, err
	}
	m, err := v.Load(id)
	if err != nil {
		return Restored{}, err
	}
	r := &restore{cfg: cfg, v: v, m: m, o: o, done: Restored{ID: id, CreatedAt: m.Created, Repositories: len(m.Repositories), Files: len(m.Files)}}
	if err := r.begin(ctx); err != nil {
		return r.done, err
	}
	for _, step := range []struct {
		part string
		run  func(context.Context) error
	}{{"bytes", r.bytes}, {"rows", r.rows}, {"files", r.files}, {"audit", r.end}, {"catalog", r.check}} {
		if o.Step != nil {
			if err := o.Step(step.part); err != nil {
				return r.done, err
			}
		}
		if err := step.run(ctx); err != nil {
			return r.done, err
		}
	}
	return r.done, nil
}

// restore is one run.
type restore struct {
	cfg    config.Config
	v      *backup.Vault
	m      *backup.Manifest
	o      RestoreOptions
	resume bool
	done   Restored
}

func (r *restore) marker() string { return filepath.Join(r.cfg.Data, restoringFile) }

// begin refuses what is not empty, and marks the data directory.
func (r *restore) begin(ctx context.Context) error {
	if err := apart(r.cfg, r.v.Dir()); err != nil {
		return err
	}
	var before Restored
	content, err := os.ReadFile(r.marker())
	switch {
	case err == nil && json.Unmarshal(content, &before) == nil && before.ID == r.done.ID:
		r.resume = true
		return nil
	case err == nil:
		return fmt.Errorf("data directory %q: a restore of backup %q was cut here: go on with that one, or empty the directory: %w", r.cfg.Data, before.ID, artifact.ErrConflict)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := r.empty(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(r.cfg.Data, 0o700); err != nil {
		return err
	}
	content, err = json.Marshal(Restored{ID: r.done.ID, CreatedAt: r.done.CreatedAt, Damage: []backup.Damage{}})
	if err != nil {
		return err
	}
	return durable.Replace(r.marker(), content, 0o600)
}

// empty refuses a data directory, storage or database that holds anything.
func (r *restore) empty(ctx context.Context) error {
	entries, err := os.ReadDir(r.cfg.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries = slices.DeleteFunc(entries, marks) // of a run that was cut before it did anything
	if len(entries) > 0 {
		return fmt.Errorf("data directory %q: it holds %q: a backup is restored into an empty one only: %w", r.cfg.Data, entries[0].Name(), artifact.ErrConflict)
	}
	o, err := storageOptions(&r.cfg)
	if err != nil {
		return err
	}
	if err := backup.Empty(ctx, o.Options); err != nil {
		return err
	}
	if !r.cfg.Shared() {
		return nil // a new file; one elsewhere is looked at when it is filled
	}
	s, err := store.OpenEmpty(ctx, r.cfg.DatabaseURL())
	if s != nil {
		err = errors.Join(err, s.Close())
	}
	return err
}

// bytes restores the registry.
func (r *restore) bytes(ctx context.Context) error {
	o, err := storageOptions(&r.cfg)
	if err != nil {
		return err
	}
	o.Logger = r.o.Log
	s, err := storage.Open(ctx, o)
	if err != nil {
		return err
	}
	h, err := hold(ctx, s)
	if err != nil {
		return err
	}
	r.done.Damage, err = r.v.Restore(ctx, r.m, backup.NewIntake(h.storage, h.blocks), func(p backup.Progress) {
		r.done.Objects, r.done.Bytes = p.Objects, p.Bytes
		if r.o.Progress != nil {
			r.o.Progress(p)
		}
	})
	if r.done.Damage == nil {
		r.done.Damage = []backup.Damage{}
	}
	return errors.Join(err, h.close())
}

// rows restores the database, or finds that an earlier run did.
func (r *restore) rows(ctx context.Context) (err error) {
	if r.m.Database == nil {
		return nil
	}
	for _, t := range r.m.Database.Tables {
		r.done.Rows += t.Rows
	}
	s, err := store.OpenEmpty(ctx, r.cfg.DatabaseURL())
	if s == nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if errors.Is(err, artifact.ErrConflict) && r.resume {
		return r.sameRows(ctx, s)
	}
	if err != nil {
		return err
	}
	tables := make([]store.DumpTable, len(r.m.Database.Tables))
	for i, t := range r.m.Database.Tables {
		tables[i] = store.DumpTable{Name: t.Name, Columns: t.Columns}
	}
	return s.Load(ctx, r.m.Database.Schema, tables, func(table string, add func([]byte) error) error {
		return r.v.Rows(r.m, table, add)
	})
}

// files restores the files, and the trust policy where cfg names none.
func (r *restore) files(context.Context) error {
	if err := filesFrom(r.v, r.m, r.cfg.Data); err != nil {
		return err
	}
	if r.cfg.Trust != "" || r.m.Catalog == nil || r.m.Catalog.Policy == nil {
		return nil
	}
	path, err := restorePolicy(r.v, r.m.Catalog, r.cfg.Data)
	if err != nil {
		return err
	}
	r.cfg.Trust, r.done.Trust = path, path
	return nil
}
