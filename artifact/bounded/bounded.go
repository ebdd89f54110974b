package bounded

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/oarlock/oarlock/artifact"
)

// Limits in bytes for the kinds of files that several rooms read.
const (
	Key      = 1 << 20  // keys, certificates, secrets
	Document = 16 << 20 // configurations, policies, lock files, what a machine remembers
)

// ReadFile reads the regular file at path, or the one that a link at path leads
// to, of at most limit bytes. It never waits for a writer.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f, path, limit)
}

// ReadArgument is ReadFile for a name that a person gave, who may also mean a
// descriptor of this process, as a shell's <(command) does: /dev/fd/63. Such a
// read takes as long as its writer, and ends with ctx.
func ReadArgument(ctx context.Context, path string, limit int64) ([]byte, error) {
	type result struct {
		content []byte
		err     error
	}
	done := make(chan result, 1)
	go func() { // a read that blocks cannot be ended: it is left behind
		read := ReadFile
		if descriptor.MatchString(filepath.ToSlash(path)) {
			read = readDescriptor
		}
		content, err := read(path, limit)
		done <- result{content, err}
	}()
	select {
	case r := <-done:
		return r.content, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("read %q: %w", path, context.Cause(ctx))
	}
}

// descriptor is a path that names an open file of this process.
var descriptor = regexp.MustCompile(`^/(dev/(stdin|fd/[0-9]+)|proc/self/fd/[0-9]+)$`)

// readDescriptor reads an open file of this process: a pipe ends with its writer.
func readDescriptor(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, limit)
}

// Read reads an open file, which was opened as name, of at most limit bytes.
// Opened without NonBlock it may have waited already.
func Read(f fs.File, name string, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := regular(name, info); err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%q: %d bytes, expected at most %d: %w", name, info.Size(), limit, artifact.ErrInvalid)
	}
	return readAll(f, name, limit)
}

func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(content)) > limit {
		return nil, fmt.Errorf("%q: more than %d bytes: %w", name, limit, artifact.ErrInvalid)
	}
	return content, err
}

// open opens a regular file. It looks before, since opening alone may do
// something to a device, and after, since the name may have moved meanwhile.
func open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(path, info); err != nil {
		return nil, err
	}
	return openOnly(path, NonBlock, regular)
}

// openOnly opens path, and keeps it open where what was opened is what is allowed.
func openOnly(path string, flag int, allowed func(string, fs.FileInfo) error) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|flag, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = allowed(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func regular(name string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("%q is %s, expected a regular file: %w", name, Kind(info.Mode()), artifact.ErrInvalid)
}

// Kind names what a file is.
func Kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a regular file"
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "neither a file nor a directory"
}

// Dir is the tree below dir as a file system whose files are all regular:
// nothing else can be opened, and directories can be read.
type Dir string

// Open implements fs.FS.
func (d Dir) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	path := filepath.Join(string(d), filepath.FromSlash(name))
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return openOnly(path, NonBlock, regularOrDir)
	}
	return open(path)
}

// regularOrDir is regular, of a name that a directory had.
func regularOrDir(name string, info fs.FileInfo) error {
	if info.IsDir() {
		return nil
	}
	return regular(name, info)
}
