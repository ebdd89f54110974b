package pack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// ManifestFile is the plugin manifest's name in a plugin directory.
const ManifestFile = "plugin.json"

// Options says how Dir packs. The zero Options work.
type Options struct {
	// Getenv reads SOURCE_DATE_EPOCH; nil is os.Getenv.
	Getenv func(string) string
	// Memory is how many bytes of compressed layers are kept in all; what does
	// not fit is compressed again from disk each time it is fetched. 0 is 64 MiB.
	Memory int64
}

// A Result is a packed plugin: the descriptor of its manifest or image index
// and the content behind it.
type Result struct {
	Root   ocispec.Descriptor
	Plugin *artifact.Plugin
	// Store has every blob and manifest that Root reaches. For a packed
	// directory it reads the files again where they are big, and fails with
	// ErrConflict where they have changed meanwhile.
	Store content.ReadOnlyStorage
	// Blobs lists what Store holds, in the order of writing: children before
	// what names them. It is nil for an opened layout.
	Blobs []ocispec.Descriptor
}

// Dir packs the plugin directory dir. It writes nothing. Errors wrap
// ErrInvalid where the directory is at fault, mostly as *artifact.ProblemsError.
func Dir(ctx context.Context, dir string, o Options) (*Result, error) {
	root, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	plugin, parts, err := inspect(root, o)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	b := &builder{store: newStore(), root: root, dir: root.Name(), memory: o.Memory}
	if b.memory == 0 {
		b.memory = 64 << 20
	}
	desc, err := b.plugin(ctx, plugin, parts)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	return &Result{Root: desc, Plugin: plugin, Store: b.store, Blobs: b.store.order}, nil
}

// A File is one file that would travel.
type File struct {
	Name     string            // inside the unpacked plugin
	Path     string            // below the plugin directory
	Size     int64             // bytes; 0 of a link
	Platform artifact.Platform // zero where it is shared
}

// Inspect says what Dir would pack, without packing it. Errors are as Dir's.
func Inspect(dir string, o Options) (*artifact.Plugin, []File, error) {
	root, err := openDir(dir)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	plugin, parts, err := inspect(root, o)
	if err != nil {
		return nil, nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	return plugin, parts.files(), nil
}

// Survey looks at the files of a plugin directory whose manifest cannot be packed
// as it is: p is what can be read of it, without "platforms" where that cannot.
// It takes the texts of p that have files of their own, and gives every problem of
// the files; of files that have some nil is listed. An error means that dir could
// not be looked at.
func Survey(dir string, p *artifact.Plugin) ([]File, []artifact.Problem, error) {
	root, err := openDir(dir)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	var problems []artifact.Problem
	several := func(err error) error {
		if these, ok := errors.AsType[*artifact.ProblemsError](err); ok {
			problems, err = append(problems, these.Problems...), nil
		} else if errors.Is(err, artifact.ErrInvalid) {
			problems, err = append(problems, artifact.Problem{Place: dir, Detail: strings.TrimSuffix(err.Error(), ": "+artifact.ErrInvalid.Error())}), nil
		}
		return err
	}
	if err := several(readTexts(root, p)); err != nil {
		return nil, nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	var parts *parts
	tree, err := readTree(root)
	if err == nil {
		parts, err = tree.split(p.Platforms)
	}
	if err != nil {
		err = several(err)
		return nil, problems, err
	}
	return parts.files(), problems, nil
}

func (s *parts) files() []File {
	var files []File
	add := func(t tree, p artifact.Platform) {
		for _, f := range t {
			files = append(files, File{f.name, f.path, f.size, p})
		}
	}
	add(s.shared, artifact.Platform{})
	for _, p := range s.platforms {
		add(s.overlay[p], p)
	}
	return files
}

func inspect(root *os.Root, o Options) (*artifact.Plugin, *parts, error) {
	tree, err := readTree(root)
	if err != nil {
		return nil, nil, err
	}
	plugin, err := readPlugin(root, o)
	if err != nil {
		return nil, nil, err
	}
	parts, err := tree.split(plugin.Platforms)
	return plugin, parts, err
}

func openDir(dir string) (*os.Root, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, dirError(dir, err)
	}
	return root, nil
}

func dirError(dir string, err error) error {
	if os.IsNotExist(err) {
		return fmt.Errorf("pack %s: no such directory: %w", dir, artifact.ErrNotFound)
	}
	return fmt.Errorf("pack: %w", err)
}

// ReadManifest reads plugin.json of the plugin directory dir as Dir does: a
// regular file, and no link, of at most artifact.MaxConfig bytes.
func ReadManifest(dir string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return readLimited(root, ManifestFile, artifact.MaxConfig)
}

// readPlugin reads plugin.json and fills in what other files say.
func readPlugin(root *os.Root, o Options) (*artifact.Plugin, error) {
	raw, err := readLimited(root, ManifestFile, artifact.MaxConfig)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%s is missing, expected the plugin manifest (oarlock init writes one): %w", ManifestFile, artifact.ErrInvalid)
	}
	if err != nil {
		return nil, err
	}
	p, err := artifact.ParsePlugin(raw)
	if err == nil {
		err = artifact.CheckCharacters(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ManifestFile, err)
	}
	if err := readTexts(root, p); err != nil {
		return nil, err
	}
	if problems := p.Check(); len(problems) > 0 {
		return nil, fmt.Errorf("%s: %w", ManifestFile, &artifact.ProblemsError{Problems: problems})
	}
	return p, created(p, o.Getenv)
}

// readTexts takes the texts that plugin.json does not say from their files.
func readTexts(root *os.Root, p *artifact.Plugin) error {
	for _, one := range []struct {
		file  string
		field *string
	}{{"README.md", &p.Readme}, {"CHANGELOG.md", &p.Changelog}} {
		if *one.field != "" {
			continue
		}
		text, err := readLimited(root, one.file, artifact.MaxText)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		if *one.field, err = plainText(one.file, text); err != nil {
			return err
		}
	}
	return nil
}

// plainText is the text of the file name without a byte order mark. Other
// encodings than UTF-8, as a shell of Windows writes them, are refused.
func plainText(name string, raw []byte) (string, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if what := artifact.Encoding(raw); what != "" {
		return "", &artifact.ProblemsError{Problems: []artifact.Problem{{Place: name, Detail: what + ", expected UTF-8", Fix: "save it again as UTF-8"}}}
	}
	return string(raw), nil
}

// lastEpoch is the latest SOURCE_DATE_EPOCH that is believed: milliseconds of
// any day after February 1970 are beyond it.
const lastEpoch = 1<<32 - 1

// created takes the build time from SOURCE_DATE_EPOCH where plugin.json has none.
func created(p *artifact.Plugin, getenv func(string) string) error {
	if getenv == nil {
		getenv = os.Getenv
	}
	if p.Created != nil {
		t := p.Created.UTC().Truncate(time.Second)
		p.Created = &t
		return nil
	}
	s := getenv("SOURCE_DATE_EPOCH")
	if s == "" {
		return nil
	}
	seconds, err := strconv.ParseInt(s, 10, 64)
	if err == nil && seconds > lastEpoch {
		return fmt.Errorf("SOURCE_DATE_EPOCH %q: later than the year 2105, expected seconds since 1970 (is it in milliseconds?): %w", s, artifact.ErrInvalid)
	}
	if err != nil || seconds < 0 {
		return fmt.Errorf("SOURCE_DATE_EPOCH %q: expected seconds since 1970: %w", s, artifact.ErrInvalid)
	}
	t := time.Unix(seconds, 0).UTC()
	p.Created = &t
	return nil
}

func readLimited(root *os.Root, name string, most int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().Type() == fs.ModeSymlink || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is %s, expected a regular file: %w", name, bounded.Kind(info.Mode()), artifact.ErrInvalid)
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s: %d bytes, expected at most %d: %w", name, info.Size(), most, artifact.ErrInvalid)
	}
	f, err := root.OpenFile(name, os.O_RDONLY|bounded.NonBlock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded.Read(f, name, most)
}

// canonical is the one JSON form of v that is hashed.
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return raw, nil
}
