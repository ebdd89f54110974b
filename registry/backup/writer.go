package backup

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/durable"
)

// Progress is how far a backup, restore or check has come.
type Progress struct {
	Repositories int   // done
	Of           int   // repositories in all, as far as known
	Objects      int   // copied or checked
	Bytes        int64 // of these
}

// Options say how a backup is written.
type Options struct {
	// Oarlock is the version of the program.
	Oarlock string
	// Workers is how many repositories are read at once; 0 is 4.
	Workers int
	// Progress, if any, is told now and then, by one goroutine at a time.
	Progress func(Progress)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// A Writer makes one backup. Until Commit there is none; what was written
// before is used by the next. Its methods are called one after the other.
type Writer struct {
	v *Vault
	o Options

	mu       sync.Mutex // guards what follows
	manifest Manifest
	progress Progress
}

// Begin begins a backup in a vault that was opened by Create.
func (v *Vault) Begin(o Options) (*Writer, error) {
	if !v.writes {
		return nil, fmt.Errorf("backups %q: opened to read: %w", v.dir, artifact.ErrDenied)
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	created, err := v.after(o.Now())
	if err != nil {
		return nil, err
	}
	return &Writer{v: v, o: o, manifest: Manifest{
		Format: format, Created: created, Oarlock: o.Oarlock,
		Repositories: []Repository{}, Files: []File{},
	}}, nil
}

// after is now, or a second after the newest backup where a clock went back:
// backups are ordered by their times.
func (v *Vault) after(now time.Time) (time.Time, error) {
	now = now.UTC().Truncate(time.Second)
	ids, err := v.List()
	if err != nil || len(ids) == 0 {
		return now, err
	}
	at, _, _ := strings.Cut(ids[0], "-")
	newest, err := time.Parse(timeForm, at)
	if err == nil && !now.After(newest) {
		now = newest.Add(time.Second)
	}
	return now, err
}

// Rows adds a part of the table with that name: a JSON array per line.
func (w *Writer) Rows(ctx context.Context, table string, rows int64, lines []byte) error {
	o, fresh, err := w.v.putBytes(ctx, objects, lines)
	if err != nil {
		return fmt.Errorf("table %q: %w", table, err)
	}
	if fresh {
		w.copied(o.Size)
	}
	if w.manifest.Database == nil {
		w.manifest.Database = &Database{}
	}
	d := w.manifest.Database
	at := slices.IndexFunc(d.Tables, func(t Table) bool { return t.Name == table })
	if at < 0 {
		at, d.Tables = len(d.Tables), append(d.Tables, Table{Name: table})
	}
	d.Tables[at].Rows += rows
	d.Tables[at].Parts = append(d.Tables[at].Parts, o)
	return nil
}

// Schema says how the tables look, in the order in which they are restored.
func (w *Writer) Schema(version int64, tables []Table) {
	var had []Table
	if w.manifest.Database != nil {
		had = w.manifest.Database.Tables
	}
	for i, t := range tables {
		tables[i].Parts = []Object{}
		if at := slices.IndexFunc(had, func(h Table) bool { return h.Name == t.Name }); at >= 0 {
			tables[i].Rows, tables[i].Parts = had[at].Rows, had[at].Parts
		}
	}
	w.manifest.Database = &Database{Schema: version, Tables: tables}
}

// File adds a file of the data directory; path is relative to it.
func (w *Writer) File(ctx context.Context, path string, mode uint32, content []byte) error {
	path = filepath.ToSlash(path)
	if !isLocal(path) {
		return fmt.Errorf("file %q: not below the data directory: %w", path, artifact.ErrInvalid)
	}
	o, err := w.Content(ctx, content)
	if err != nil {
		return fmt.Errorf("file %q: %w", path, err)
	}
	w.manifest.Files = append(w.manifest.Files, File{Path: path, Mode: mode & 0o777, Object: o})
	return nil
}

// Content stores content that something else of the manifest names.
func (w *Writer) Content(ctx context.Context, content []byte) (Object, error) {
	o, fresh, err := w.v.putBytes(ctx, objects, content)
	if fresh && err == nil {
		w.copied(o.Size)
	}
	return o, err
}

// Catalog notes which catalog the backup's content gives.
func (w *Writer) Catalog(c Catalog) { w.manifest.Catalog = &c }

// Manifest is what the backup holds so far. It must not be changed.
func (w *Writer) Manifest() *Manifest { return &w.manifest }

// Commit makes the backup one: its manifest is written, whole or not at all.
func (w *Writer) Commit() (id string, err error) {
	slices.SortFunc(w.manifest.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	id, content, err := w.manifest.encode()
	if err != nil {
		return "", fmt.Errorf("backup: %w", err)
	}
	if err := durable.Replace(w.v.path("backups", id+".json"), content, 0o600); err != nil {
		return "", fmt.Errorf("backup: %w", err)
	}
	return id, nil
}

// Progress is how far it has come: Objects and Bytes are those that were new.
func (w *Writer) Progress() Progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.progress
}

func (w *Writer) copied(size int64) {
	w.tell(func(p *Progress) { p.Objects++; p.Bytes += size })
}

func (w *Writer) tell(change func(*Progress)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.progress)
	if w.o.Progress != nil {
		w.o.Progress(w.progress)
	}
}

func (w *Writer) damage(found []Damage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.manifest.Damage = append(w.manifest.Damage, found...)
}

// isLocal reports whether a slash-separated path stays below where it is
// joined to.
func isLocal(path string) bool {
	return filepath.IsLocal(filepath.FromSlash(path)) && !strings.Contains(path, "\\")
}

// store is put for what a registry gives, as an io.Reader.
func (w *Writer) store(ctx context.Context, o Link, r io.Reader) (int64, error) {
	size, err := w.v.put(ctx, objects, o.stored(), r)
	if err == nil {
		w.copied(size)
	}
	return size, err
}
