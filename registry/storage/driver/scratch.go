package driver

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// isScratch reports whether path belongs to an upload in progress on a
// filesystem. Nothing there is acknowledged as stored, so it is not synced
// before the blob is whole: a power cut then costs the upload, not a blob.
func (d *Driver) isScratch(path string) bool {
	return d.root != "" && strings.HasPrefix(path, RepositoryRoot) && strings.Contains(path, "/_uploads/")
}

// putScratch writes a small file whole or not at all, without syncing.
func (d *Driver) putScratch(path string, content []byte) error {
	to := filepath.Join(d.root, path)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	temporary := to + "." + rand.Text() + ".tmp"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return os.Rename(temporary, to)
}

// scratch is the growing file of an upload. Commit makes it durable, Close
// does not.
type scratch struct {
	file   *os.File
	buffer *bufio.Writer
	size   int64
	begun  int64 // up to where the kernel was asked to write
	closed bool
}

func (d *Driver) openScratch(path string, appends bool) (storagedriver.FileWriter, error) {
	at := filepath.Join(d.root, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return nil, err
	}
	flags := os.O_WRONLY | os.O_CREATE
	if !appends {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(at, flags, 0o600)
	if err != nil {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &scratch{file: f, buffer: bufio.NewWriterSize(f, 16<<10), size: size, begun: size}, nil
}

func (s *scratch) Write(p []byte) (int, error) {
	n, err := s.buffer.Write(p)
	s.size += int64(n)
	if s.size-s.begun >= writeBackEvery {
		s.begun = writeBack(s.file, s.begun, s.size)
	}
	return n, err
}

// writeBackEvery is how many bytes of an upload wait in memory before the
// kernel is asked to write them, so that no sync has to wait for a large one.
const writeBackEvery = 8 << 20

// Size is the length of the file with all that was written.
func (s *scratch) Size() int64 { return s.size }

// Commit makes what was written durable.
func (s *scratch) Commit(context.Context) error {
	if err := s.buffer.Flush(); err != nil {
		return err
	}
	return s.file.Sync()
}

// Close may be called again and then does nothing.
func (s *scratch) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.buffer.Flush(), s.file.Close())
}

// Cancel removes the file, closed or not.
func (s *scratch) Cancel(context.Context) error {
	if !s.closed {
		s.closed = true
		s.file.Close()
	}
	err := os.Remove(s.file.Name())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
