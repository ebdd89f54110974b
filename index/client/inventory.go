package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
)

// A record is what was verified about content when it was pulled, and what it
// was unpacked to. It never changes: the state names its digest.
type record struct {
	Pulled
	Files []heldFile `json:"files,omitempty"` // by path; nil in one of an earlier version of this program
}

// A heldFile is one file, directory or link of unpacked content.
type heldFile struct {
	Path   string        `json:"path"` // with slashes, below files/
	Mode   fs.FileMode   `json:"mode"` // type and permissions
	Size   int64         `json:"size,omitempty"`
	Digest digest.Digest `json:"digest,omitempty"` // of a file
	Time   time.Time     `json:"time,omitzero"`    // of a file; another one asks for its digest
	Link   string        `json:"link,omitempty"`   // what a link says
}

// scrutiny says how closely content is looked at.
type scrutiny int

const (
	// namesAndSizes looks at what is there, at types, modes, sizes and links, and
	// reads a file only where its time is another one.
	namesAndSizes scrutiny = iota
	// everyByte reads every file.
	everyByte
)

// BringsAgain is what the detail of a Damaged plugin, and the error about it, ends
// with: how its files come again, which holds where it is not withdrawn.
const BringsAgain = "(oarlock install or update brings it again)"

// held reads what was verified about the content of e, and holds the content to
// it. Errors wrap artifact.ErrUnverified and say how it is brought again.
func (s *Store) held(e entry, how scrutiny) (*record, error) {
	r, err := s.recordOf(e)
	if err != nil || r.Files == nil && e.Record == "" {
		return r, err // of an earlier version: there is nothing to hold it to, and the next change brings it again
	}
	dir := filepath.Join(s.dir, contentDir, e.Content, filesDir)
	if odd, err := differs(dir, r.Files, how); err != nil || odd != "" {
		return nil, notHeld(e, "%s is not what was verified: %s", dir, cmp.Or(odd, fmt.Sprint(err)))
	}
	return r, nil
}

func notHeld(e entry, format string, args ...any) error {
	return fmt.Errorf("store: %s %s: %s %s: %w", e.ID, e.Version, fmt.Sprintf(format, args...), BringsAgain, artifact.ErrUnverified)
}

// recordOf reads what was verified about the content of e, whatever its files are
// now. Errors are those of held.
func (s *Store) recordOf(e entry) (*record, error) {
	dir := filepath.Join(s.dir, contentDir, e.Content)
	if info, err := os.Lstat(dir); err == nil && !info.IsDir() {
		return nil, notHeld(e, "%q is %s, expected a directory", dir, bounded.Kind(info.Mode()))
	}
	path := filepath.Join(dir, recordFile)
	raw, err := bounded.ReadFile(path, maxStoreFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, notHeld(e, "content %q is gone", dir)
	case errors.Is(err, artifact.ErrInvalid):
		return nil, notHeld(e, "%s", err)
	case err != nil:
		return nil, fmt.Errorf("store: %w", err)
	}
	if got := digest.FromBytes(raw); e.Record != "" && got != e.Record {
		return nil, notHeld(e, "%q was changed: its digest is %s, the state says %s", path, got, e.Record)
	}
	r := &record{}
	if err := json.Unmarshal(raw, r); err != nil || r.Plugin == nil {
		return nil, notHeld(e, "%q is damaged: %v", path, err)
	}
	return r, nil
}

// inventory is what lies below dir, by path.
func inventory(dir string) ([]heldFile, error) {
	out := []heldFile{}
	err := below(dir, func(f heldFile) (err error) {
		if f.Mode.IsRegular() {
			f.Digest, err = digestOfFile(filepath.Join(dir, filepath.FromSlash(f.Path)))
		}
		out = append(out, f)
		return err
	})
	return out, err
}

// below calls fn for all that lies below dir, which is a directory, but without
// the digests of files.
func below(dir string, fn func(heldFile) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == dir {
			if !d.IsDir() {
				return fmt.Errorf("%q is %s, expected a directory", dir, bounded.Kind(d.Type()))
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f := heldFile{Path: filepath.ToSlash(name), Mode: info.Mode() & (fs.ModeType | fs.ModeSetuid | fs.ModeSetgid | fs.ModePerm)}
		switch {
		case f.Mode.IsRegular():
			f.Size, f.Time = info.Size(), info.ModTime().UTC()
		case f.Mode&fs.ModeSymlink != 0:
			if f.Link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		return fn(f)
	})
}

// errDiffers ends a walk at what differs.
var errDiffers = errors.New("it differs")

// differs says what first is not as in files; "" is nothing.
func differs(dir string, files []heldFile, how scrutiny) (odd string, err error) {
	want := map[string]heldFile{}
	for _, f := range files {
		want[f.Path] = f
	}
	err = below(dir, func(f heldFile) error {
		was, known := want[f.Path]
		delete(want, f.Path)
		if !known {
			odd = fmt.Sprintf("%q was added", f.Path)
		} else if odd, err = f.differsFrom(was, dir, how); err != nil {
			return err
		}
		if odd != "" {
			return errDiffers
		}
		return nil
	})
	switch {
	case errors.Is(err, errDiffers):
		return odd, nil
	case err != nil:
		return "", err
	}
	for _, f := range files {
		if _, missing := want[f.Path]; missing {
			return fmt.Sprintf("%q is gone", f.Path), nil
		}
	}
	return "", nil
}

func (f heldFile) differsFrom(was heldFile, dir string, how scrutiny) (string, error) {
	switch {
	case f.Mode.Type() != was.Mode.Type():
		return fmt.Sprintf("%q is %s, expected %s", f.Path, bounded.Kind(f.Mode), bounded.Kind(was.Mode)), nil
	case f.Mode != was.Mode && f.Mode&fs.ModeSymlink == 0:
		return fmt.Sprintf("%q has mode %s, expected %s", f.Path, f.Mode, was.Mode), nil
	case f.Size != was.Size:
		return fmt.Sprintf("%q has %d bytes, expected %d", f.Path, f.Size, was.Size), nil
	case f.Link != was.Link:
		return fmt.Sprintf("%q leads to %q, expected %q", f.Path, f.Link, was.Link), nil
	case !f.Mode.IsRegular() || how == namesAndSizes && f.Time.Equal(was.Time):
		return "", nil
	}
	got, err := digestOfFile(filepath.Join(dir, filepath.FromSlash(f.Path)))
	if err == nil && got != was.Digest {
		return fmt.Sprintf("%q has digest %s, expected %s", f.Path, got, was.Digest), nil
	}
	return "", err
}

func digestOfFile(path string) (digest.Digest, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|bounded.NonBlock, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := digest.Canonical.Digester()
	if _, err := io.Copy(sum.Hash(), f); err != nil {
		return "", err
	}
	return sum.Digest(), nil
}

// restored are the plugins whose content came again.
func restored(of set) []artifact.Name {
	var out []artifact.Name
	for _, e := range of.Plugins {
		if e.restored {
			out = append(out, e.ID)
		}
	}
	slices.SortFunc(out, func(a, b artifact.Name) int { return cmp.Compare(a.String(), b.String()) })
	return out
}
