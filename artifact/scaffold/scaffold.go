package scaffold

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/oarlock/oarlock/artifact"
)

//go:embed starter
var starter embed.FS

// Options of a starter plugin. The zero Options work.
type Options struct {
	// ID is the plugin's name; the zero Name is examples/<directory>, as near
	// as the grammar of names allows.
	ID artifact.Name
	// Host is the application that the plugin is for; the zero HostID is
	// "example-host", which examples/host plays.
	Host artifact.HostID
}

// Write writes a starter plugin into dir, which must not exist or be empty,
// and returns the names of its files. Errors wrap ErrConflict where dir holds
// something.
func Write(dir string, o Options) ([]string, error) {
	o, err := o.forDir(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	held, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	if len(held) > 0 {
		return nil, fmt.Errorf("init %s: it holds %q already, expected an empty directory: %w", dir, held[0].Name(), artifact.ErrConflict)
	}
	files, err := o.files()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.content, 0o644); err != nil {
			return names, fmt.Errorf("init: %w", err)
		}
		names = append(names, f.name)
	}
	return names, nil
}

type file struct {
	name    string
	content []byte
}

func (o Options) files() ([]file, error) {
	var out []file
	err := fs.WalkDir(starter, "starter", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := starter.ReadFile(p)
		if err != nil {
			return err
		}
		t, err := template.New(p).Parse(string(text))
		if err != nil {
			return err
		}
		var buf bytes.Buffer
		if err := t.Execute(&buf, map[string]string{"ID": o.ID.String(), "Name": o.ID.Plugin(), "Host": o.Host.String()}); err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(p, "starter/"), ".tmpl")
		out = append(out, file{strings.Replace(name, "dot.", ".", 1), buf.Bytes()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	return append(out, file{"plugin.wasm", Command("Hello from " + o.ID.String() + ".\n")}), nil
}

func (o Options) forDir(dir string) (Options, error) {
	if o.Host.IsZero() {
		o.Host, _ = artifact.ParseHostID("example-host")
	}
	if !o.ID.IsZero() {
		return o, nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return o, fmt.Errorf("init: %w", err)
	}
	o.ID, err = artifact.ParseName("examples/" + segment(filepath.Base(abs)))
	return o, err
}

// segment is s as near as the grammar of names allows.
func segment(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	out := strings.TrimLeft(strings.Join(words, "-"), "0123456789-")
	out = strings.TrimRight(out[:min(len(out), 64)], "-")
	if len(out) < 2 {
		return "plugin"
	}
	return out
}
