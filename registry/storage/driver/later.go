package driver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// putLater stores content at path, whole or not at all as long as the machine
// runs; a power cut before the barrier may leave it empty or short. What was
// there before is not lost to that.
func (d *Driver) putLater(path string, content []byte) error {
	to := filepath.Join(d.root, path)
	if strings.HasSuffix(path, "/link") {
		return putLinkLater(to, content)
	}
	_, err := os.Lstat(to)
	return replace(to, content, err == nil)
}

// putLinkLater writes a link, which is read as missing while it is empty, in
// place. One that says the same already only gets a new time.
func putLinkLater(to string, content []byte) error {
	for range 8 {
		err := createLink(to, content)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		have, err := os.ReadFile(to)
		if err == nil && string(have) != string(content) {
			return replace(to, content, true)
		}
		if err == nil {
			now := time.Now()
			err = os.Chtimes(to, now, now)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("write %s: it comes and goes", to)
}

// createLink writes a new file by one write; fs.ErrExist where there is one.
func createLink(to string, content []byte) error {
	f, err := createIn(to)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// createIn makes a new file, and the folders above it where they are missing.
func createIn(to string) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := os.OpenFile(to, flags, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(to, flags, 0o600)
}

// replace puts a file whole in the place of to. With sync its bytes are
// durable before: what stands there is then never lost to a power cut.
func replace(to string, content []byte, sync bool) error {
	temporary := to + "." + rand.Text() + ".tmp"
	f, err := createIn(temporary)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temporary, to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}
