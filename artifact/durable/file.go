package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Replace puts a file with content and mode at path, in the place of the one
// that may be there. Its folder must exist.
func Replace(path string, content []byte, mode fs.FileMode) error {
	return system.write(path, mode, all(content), system.rename)
}

// ReplaceBy is Replace for content that write writes. Where write fails, what
// stood at path stays, and the error wraps write's.
func ReplaceBy(path string, mode fs.FileMode, write func(io.Writer) error) error {
	return system.write(path, mode, write, system.rename)
}

// Create puts a file with content and mode at path where there is none. The
// error wraps fs.ErrExist where there is one, and that one is left alone.
func Create(path string, content []byte, mode fs.FileMode) error {
	return system.write(path, mode, all(content), system.link)
}

func all(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
}

// temporaryPrefix and temporarySuffix are around the name that a file has
// while it is written.
const temporaryPrefix, temporarySuffix = ".", ".new"

// IsTemporary reports whether name, without a folder, is that of a file that is
// being written, or that a write left which was cut.
func IsTemporary(name string) bool {
	return strings.HasPrefix(name, temporaryPrefix) && strings.HasSuffix(name, temporarySuffix)
}

// TemporaryOf reports whether name is what a write of base leaves when it is cut.
func TemporaryOf(base, name string) bool {
	return strings.HasPrefix(name, temporaryPrefix+base+".") && strings.HasSuffix(name, temporarySuffix)
}

// disk is what a durable write asks of the operating system, so that a test
// can cut the power between any two steps.
type disk struct {
	temporary  func(dir, pattern string) (file, error)
	rename     func(from, to string) error
	link       func(from, to string) error
	remove     func(path string) error
	syncFolder func(dir string) error
}

// file is the part of *os.File that a durable write needs.
type file interface {
	io.Writer
	Name() string
	Chmod(fs.FileMode) error
	Sync() error
	Close() error
}

var system = disk{
	temporary:  func(dir, pattern string) (file, error) { return os.CreateTemp(dir, pattern) },
	rename:     os.Rename,
	link:       os.Link,
	remove:     os.Remove,
	syncFolder: SyncFolder,
}

func (d disk) write(path string, mode fs.FileMode, write func(io.Writer) error, place func(from, to string) error) error {
	dir := filepath.Dir(path)
	f, err := d.temporary(dir, temporaryPrefix+filepath.Base(path)+".*"+temporarySuffix)
	if err != nil {
		if at, ok := errors.AsType[*fs.PathError](err); ok {
			err = at.Err // it names the temporary file
		}
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err = write(f); err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = place(f.Name(), path)
	}
	if gone := d.remove(f.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, namedError{err, f.Name(), path})
	}
	return d.syncFolder(dir)
}

// A namedError is an error about a temporary file in the words of the file that it
// was to become, which is the one that the caller named.
type namedError struct {
	error
	temporary, path string
}

func (e namedError) Unwrap() error { return e.error }

func (e namedError) Error() string {
	said := strings.ReplaceAll(e.error.Error(), "rename "+e.temporary+" "+e.path+": ", "")
	for _, op := range []string{"write", "sync", "chmod", "close"} { // the path is said already
		said = strings.ReplaceAll(said, op+" "+e.temporary+": ", "")
	}
	return strings.ReplaceAll(said, e.temporary, e.path)
}
