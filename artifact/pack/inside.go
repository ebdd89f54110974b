package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
)

// Travels reports whether what is written to out would be a file of the plugin
// directory dir, so that the next pack of it gives another digest. What the ignore
// file names does not travel.
func Travels(dir, out string) (bool, error) {
	from, err := resolved(dir)
	if err != nil {
		return false, fmt.Errorf("pack: %w", err)
	}
	to, err := resolved(out)
	if err != nil {
		return false, fmt.Errorf("pack: %w", err)
	}
	rel, err := filepath.Rel(from, to)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return false, nil // on another volume there is no way from one to the other
	}
	root, err := openDir(dir)
	if err != nil {
		return false, err
	}
	defer root.Close()
	ignore, err := readIgnore(root)
	if err != nil {
		return false, fmt.Errorf("pack %s: %w", dir, err)
	}
	name := filepath.ToSlash(rel)
	for n := range name {
		if name[n] == '/' && ignore.match(name[:n], true) {
			return false, nil
		}
	}
	return name == "." || !ignore.match(name, !strings.HasSuffix(name, ".tar")), nil
}

// resolved is path without links, as far as it exists.
func resolved(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for at := abs; ; at = filepath.Dir(at) {
		real, err := filepath.EvalSymlinks(at)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) || at == filepath.Dir(at) {
			return "", err
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}
