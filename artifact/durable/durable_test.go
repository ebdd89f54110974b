package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestReplaceAndCreate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := Create(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("two"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a file: %v, want fs.ErrExist", err)
	}
	wantFile(t, path, "one", 0o600)
	if err := Replace(path, []byte("three"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, "three", 0o644)
	cause := errors.New("the source broke")
	if err := ReplaceBy(path, 0o644, func(io.Writer) error { return cause }); !errors.Is(err, cause) {
		t.Errorf("ReplaceBy with a writer that fails: %v, want its error", err)
	}
	wantFile(t, path, "three", 0o644)
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v (%v), want the file alone", left, err)
	}
}

func TestMakeFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		if err := MakeFolder(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v, want a folder of mode 0700", info, err)
	}
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MakeFolder(path, 0o700); err == nil {
		t.Error("MakeFolder over a file: no error")
	}
}

func wantFile(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != content {
		t.Errorf("%s holds %q (%v), want %q", path, got, err, content)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
		t.Errorf("%s: %v (%v), want mode %v", path, info.Mode(), err, mode)
	}
}

// TestPowerCut cuts the power after every step of a write, loses all that was
// not synced, and wants the old file or the new one, and the new one where the
// write had returned.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for cut := 0; ; cut++ {
		d := &fragile{names: map[string]*inode{"dir/key": {synced: "old", bytes: "old"}}, left: cut}
		d.durable = clone(d.names)
		err := d.disk().write("dir/key", 0o600, all([]byte("new")), d.rename)
		got := "nothing"
		if n := d.durable["dir/key"]; n != nil {
			got = n.synced
		}
		if got != "old" && got != "new" {
			t.Errorf("cut after step %d: the file holds %q, want the old or the new content", cut, got)
		}
		if err == nil && got != "new" {
			t.Errorf("cut after step %d: the write returned and the file holds %q", cut, got)
		}
		if err == nil {
			return
		}
	}
}

var errCut = errors.New("the power is cut")

// fragile is a disk that loses its power after some steps. Bytes last once
// their file is synced, names once their folder is.
type fragile struct {
	names, durable map[string]*inode
	left           int
}

type inode struct{ bytes, synced string }

func clone(m map[string]*inode) map[string]*inode {
	out := map[string]*inode{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func (d *fragile) step() error {
	if d.left == 0 {
		return errCut
	}
	d.left--
	return nil
}

func (d *fragile) disk() disk {
	return disk{
		temporary: func(dir, pattern string) (file, error) {
			f := &fragileFile{disk: d, name: dir + "/" + strings.ReplaceAll(pattern, "*", "1"), inode: &inode{}}
			d.names[f.name] = f.inode
			return f, d.step()
		},
		rename: d.rename,
		remove: func(path string) error { delete(d.names, path); return d.step() },
		syncFolder: func(string) error {
			if err := d.step(); err != nil {
				return err
			}
			d.durable = clone(d.names)
			return nil
		},
	}
}

// rename may last without a sync of its folder: the journal of a file system
// commits when it wants. The cruel case is that it lasts and the bytes do not.
func (d *fragile) rename(from, to string) error {
	if err := d.step(); err != nil {
		return err
	}
	n := d.names[from]
	delete(d.names, from)
	d.names[to] = n
	if n.synced != n.bytes {
		d.durable[to] = n
	}
	return nil
}

type fragileFile struct {
	*inode
	disk *fragile
	name string
}

func (f *fragileFile) Name() string            { return f.name }
func (f *fragileFile) Chmod(fs.FileMode) error { return f.disk.step() }
func (f *fragileFile) Close() error            { return f.disk.step() }

func (f *fragileFile) Write(p []byte) (int, error) {
	if err := f.disk.step(); err != nil {
		return 0, err
	}
	f.bytes += string(p)
	return len(p), nil
}

func (f *fragileFile) Sync() error {
	if err := f.disk.step(); err != nil {
		return err
	}
	f.synced = f.bytes
	return nil
}

// TestKilled kills a process that replaces one file without end, and wants it
// whole each time.
func TestKilled(t *testing.T) {
	t.Parallel()
	if path := os.Getenv("DURABLE_TEST_FILE"); path != "" {
		for i := 0; ; i++ {
			if err := Replace(path, page(i), 0o600); err != nil {
				t.Fatal(err)
			}
			fmt.Println("written")
		}
	}
	path := filepath.Join(t.TempDir(), "key")
	for round := range 10 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "DURABLE_TEST_FILE="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 80+round)); err != nil {
			t.Errorf("the child wrote nothing: %v", err)
		}
		time.AfterFunc(time.Duration(round)*137*time.Microsecond, func() { _ = child.Process.Kill() })
		_, _ = io.Copy(io.Discard, out)
		_ = child.Wait()
		got, err := os.ReadFile(path)
		if err != nil || len(got) != pageSize || !bytes.Equal(got, bytes.Repeat(got[:1], pageSize)) {
			t.Fatalf("round %d: the file has %d bytes (%v), not one whole page", round, len(got), err)
		}
	}
}

const pageSize = 256 << 10

func page(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, pageSize) }

// TestErrorsNameTheFileThatWasAskedFor: the temporary file is nobody's business.
func TestErrorsNameTheFileThatWasAskedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "folder", "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	full := func(w io.Writer) error {
		return fmt.Errorf("tar: %w", &fs.PathError{Op: "write", Path: w.(interface{ Name() string }).Name(), Err: syscall.ENOSPC})
	}
	for path, write := range map[string]func() error{
		"none/key": func() error { return Replace(filepath.Join(dir, "none", "key"), nil, 0o600) },
		"folder":   func() error { return Replace(filepath.Join(dir, "folder"), nil, 0o600) },
		"key":      func() error { return ReplaceBy(filepath.Join(dir, "key"), 0o600, full) },
	} {
		err := write()
		if err == nil || IsTemporary(filepath.Base(err.Error())) || strings.Contains(err.Error(), temporarySuffix) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := ReplaceBy(filepath.Join(dir, "key"), 0o600, full); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the cause is lost: %v", err)
	}
	if err := Replace(filepath.Join(dir, "none", "key"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
}
