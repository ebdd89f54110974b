package pack

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
)

func (u *unpacker) dir(name string) error {
	if name == "." {
		return nil
	}
	if err := u.name(name, kindDir); err != nil {
		return err
	}
	return disk(u.root.MkdirAll(name, 0o755))
}

func (u *unpacker) file(name string, h *tar.Header, r io.Reader) error {
	if err := u.place(name, kindFile); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if h.Mode&0o111 != 0 {
		mode = 0o755
	}
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return disk(err)
	}
	room := min(u.limits.FileBytes, u.limits.Bytes-u.bytes)
	w := &diskWriter{w: f}
	n, err := io.Copy(w, io.LimitReader(r, room+1))
	u.bytes += n
	closed := f.Close()
	switch {
	case w.err != nil || closed != nil:
		return disk(errors.Join(w.err, closed))
	case n > room:
		return refuse(CodeTooLarge, name, "more than %d bytes in it or %d in all", u.limits.FileBytes, u.limits.Bytes)
	case err != nil:
		return malformed(name, err)
	}
	return nil
}

func (u *unpacker) symlink(name, target string) error {
	if err := checkLink(name, target); err != nil {
		return err
	}
	if err := u.place(name, kindLink); err != nil {
		return err
	}
	return disk(u.root.Symlink(target, name))
}

// hardlink takes only a regular file of this directory as its target.
func (u *unpacker) hardlink(name, target string) error {
	clean, err := cleanName(target)
	if err != nil {
		return refuse(CodeLinkEscape, name, "links to %.200q, expected a path inside the plugin", target)
	}
	if old := u.names[fold(clean)]; old.name != clean || old.kind != kindFile {
		return refuse(CodeLinkTarget, name, "links to %.200q, which is no file that came before", target)
	}
	if err := u.place(name, kindFile); err != nil {
		return err
	}
	return disk(u.root.Link(clean, name))
}

// place takes the name and makes the directories above it.
func (u *unpacker) place(name string, k kind) error {
	if name == "." {
		return refuse(CodePathUnsafe, name, "is the directory itself")
	}
	if err := u.name(name, k); err != nil {
		return err
	}
	if dir := path.Dir(name); dir != "." {
		return disk(u.root.MkdirAll(dir, 0o755))
	}
	return nil
}

// name takes the name. Directories that no entry names count as well.
func (u *unpacker) name(name string, k kind) error {
	if err := u.names.add(name, k, u.limits); err != nil {
		return err
	}
	if len(u.names) > u.limits.Entries {
		return refuse(CodeTooMany, name, "more than %d files, directories and links", u.limits.Entries)
	}
	return nil
}

func disk(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("unpack: %w", err)
}

// A diskWriter remembers its own errors, so that a full disk is not taken for
// a broken archive.
type diskWriter struct {
	w   io.Writer
	err error
}

func (d *diskWriter) Write(b []byte) (int, error) {
	n, err := d.w.Write(b)
	d.err = err
	return n, err
}
