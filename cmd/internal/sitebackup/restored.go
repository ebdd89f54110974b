package sitebackup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry/backup"
	"github.com/oarlock/oarlock/registry/storage"
)

// sameRows accepts a database that an earlier run of the same restore filled.
func (r *restore) sameRows(ctx context.Context, s *store.Store) error {
	found := map[string][]digest.Digest{}
	_, _, err := s.Dump(ctx, func(table string, _ int64, lines []byte) error {
		found[table] = append(found[table], digest.FromBytes(lines))
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range r.m.Database.Tables {
		var want []digest.Digest
		for _, part := range t.Parts {
			want = append(want, part.Digest)
		}
		if !slices.Equal(found[t.Name], want) {
			return fmt.Errorf("database: table %q has other rows than the backup: %w", t.Name, artifact.ErrConflict)
		}
	}
	return nil
}

// end writes the restore into the audit log and lets a server start.
func (r *restore) end(ctx context.Context) (err error) {
	if r.m.Database != nil {
		s, err := store.Open(ctx, r.cfg.DatabaseURL())
		if err != nil {
			return err
		}
		_, err = s.VerifyAudit(ctx)
		if err == nil {
			err = r.logShown(ctx, s)
		}
		if err == nil {
			err = s.AppendAudit(ctx, auth.AuditRecord{At: time.Now(), Actor: "operator", Action: "site:restore", Resource: "site",
				Outcome: "allowed", Reason: "restored from backup " + r.done.ID, After: fmt.Sprintf(`{"backup":%q,"damaged":%d}`, r.done.ID, len(r.done.Damage))})
		}
		if err = errors.Join(err, s.Close()); err != nil {
			return err
		}
	}
	return unmark(r.cfg.Data)
}

// logShown writes down beside the bytes how far the publication log was shown,
// as the database of the backup has it: without that a database with a checkpoint
// is one that lost what was shown.
func (r *restore) logShown(ctx context.Context, s *store.Store) (err error) {
	head, err := s.LogHead(ctx)
	if errors.Is(err, artifact.ErrNotFound) || err == nil && head.Checkpoint == "" {
		return nil
	}
	if err != nil {
		return err
	}
	o, err := storageOptions(&r.cfg)
	if err != nil {
		return err
	}
	o.Logger = r.o.Log
	h, err := storage.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return h.SwapRecord(ctx, path.Base(publog.Record), func([]byte) ([]byte, error) { return []byte(head.Checkpoint), nil })
}

// check derives the catalog anew and compares it with that of the backup.
func (r *restore) check(ctx context.Context) (err error) {
	cfg := r.cfg
	if r.m.Catalog != nil {
		cfg.Dev = r.m.Catalog.Dev
		r.done.Backup = r.m.Catalog.Digest.String()
	}
	h, err := openBeside(ctx, &cfg, r.o.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	rebuilt, err := catalogOf(ctx, cfg, h, r.o.Log)
	r.done.Rebuilt = rebuilt.String()
	r.done.Agrees = r.done.Rebuilt == r.done.Backup
	return err
}

// marks reports whether a file of a data directory says that a restore began
// there: its marker, or one that was being written when the restore was cut.
func marks(e fs.DirEntry) bool {
	return e.Name() == restoringFile || durable.TemporaryOf(restoringFile, e.Name())
}

// unmark takes the marker away, after what cut runs left of it.
func unmark(data string) error {
	entries, err := os.ReadDir(data)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if durable.TemporaryOf(restoringFile, e.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(data, e.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.Remove(filepath.Join(data, restoringFile))
}

// Unfinished is an error for a data directory that a restore did not finish.
func Unfinished(data string) error {
	entries, err := os.ReadDir(data)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(entries, marks) {
		return nil
	}
	return fmt.Errorf("data: directory %q: a restore did not end here: run the same oarlock restore-backup again, or empty the directory", data)
}

// An Entry is one backup of a directory.
type Entry struct {
	ID           string    `json:"id"`
	CreatedAt    time.Time `json:"created_at"`
	Oarlock      string    `json:"oarlock"`
	Repositories int       `json:"repositories"`
	Bytes        int64     `json:"bytes"`
	Catalog      string    `json:"catalog_digest,omitempty"`
	Damage       int       `json:"damage"`
}

// List gives the backups at src, the newest first.
func List(src string) (list []Entry, err error) {
	v, err := backup.Open(src)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	ids, err := v.List()
	if err != nil {
		return nil, err
	}
	list = []Entry{}
	for _, id := range ids {
		m, err := v.Load(id)
		if err != nil {
			return nil, err
		}
		e := Entry{ID: id, CreatedAt: m.Created, Oarlock: m.Oarlock, Repositories: len(m.Repositories), Damage: len(m.Damage)}
		for _, repo := range m.Repositories {
			e.Bytes += repo.Bytes
		}
		if m.Catalog != nil {
			e.Catalog = m.Catalog.Digest.String()
		}
		list = append(list, e)
	}
	return list, nil
}

// Verify reads every byte of the backups at src, or of the one that id
// begins, and reports what is damaged there.
func Verify(ctx context.Context, src, id string, progress func(backup.Progress), report func(id string, d backup.Damage)) (checked []string, err error) {
	v, err := backup.Open(src)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	one, err := v.Find(id)
	if err != nil {
		return nil, err
	}
	checked = []string{one}
	if id == "" {
		if checked, err = v.List(); err != nil {
			return nil, err
		}
	}
	return checked, v.Verify(ctx, checked, progress, report)
}
