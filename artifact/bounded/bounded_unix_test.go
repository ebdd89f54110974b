//go:build unix

package bounded_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
)

func TestOnlyRegularFilesWithinTheLimitAreRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(os.WriteFile(at("file"), []byte("12345"), 0o600), os.Symlink(at("file"), at("link")), syscall.Mkfifo(at("pipe"), 0o600),
		os.Symlink(at("pipe"), at("link-to-pipe")), os.Symlink("/dev/zero", at("zero")), os.WriteFile(at("large"), nil, 0o600), os.Truncate(at("large"), 10<<30))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"file": "", "link": "", "pipe": "is a pipe", "link-to-pipe": "is a pipe", "zero": "is a device",
		"large": "10737418240 bytes, expected at most 5", ".": "is a directory",
	} {
		for title, read := range map[string]func() ([]byte, error){
			"ReadFile":     func() ([]byte, error) { return bounded.ReadFile(at(name), 5) },
			"ReadArgument": func() ([]byte, error) { return bounded.ReadArgument(t.Context(), at(name), 5) },
		} {
			raw, err := read()
			switch {
			case want == "" && (err != nil || string(raw) != "12345"):
				t.Errorf("%s %s: %q, %v", title, name, raw, err)
			case want != "" && (!errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), at(name))):
				t.Errorf("%s %s: %v, expected an invalid one that names it and says %q", title, name, err, want)
			}
		}
	}
	if _, err := bounded.ReadFile(at("file"), 4); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("one byte too many: %v", err)
	}
	if _, err := bounded.ReadFile(at("none"), 4); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not there: %v", err)
	}
}

// A shell's <(command) is a descriptor of the process: it is read, bounded, and
// a signal ends the wait for a writer that says nothing.
func TestADescriptorIsReadUntilItsWriterOrTheContextEnds(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	path := fmt.Sprintf("/dev/fd/%d", r.Fd())
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	cancel(interrupted)
	if _, err := bounded.ReadArgument(ctx, path, 5); !errors.Is(err, interrupted) {
		t.Errorf("nobody writes: %v", err)
	}
	if _, err := w.WriteString("12345"); err != nil {
		t.Fatal(err)
	}
	w.Close()
}

func TestADescriptorIsRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"12345": "", "123456": "more than 5 bytes"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteString(text); err != nil {
			t.Fatal(err)
		}
		w.Close()
		raw, err := bounded.ReadArgument(t.Context(), fmt.Sprintf("/dev/fd/%d", r.Fd()), 5)
		if want == "" && (err != nil || string(raw) != text) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %q, %v", text, raw, err)
		}
		r.Close()
	}
}

func TestADirHoldsRegularFilesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "sub"), 0o700), os.WriteFile(filepath.Join(dir, "sub", "file"), []byte("text"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(bounded.Dir(dir), "sub/file"); err != nil {
		t.Error(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bounded.Dir(dir).Open("pipe"); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("a pipe: %v", err)
	}
}
