package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"golang.org/x/text/unicode/norm"
)

// A file is one entry of a layer.
type file struct {
	name string // in the archive: forward slashes, NFC
	path string // on disk, below the plugin directory
	size int64
	link string // target, of a symbolic link
	exec bool
}

// A tree is the files of a plugin directory, sorted by name.
type tree []file

// readTree lists what travels. It follows no link. Links that leave the
// directory, special files and names that collide are refused together.
func readTree(root *os.Root) (tree, error) {
	ignore, err := readIgnore(root)
	if err != nil {
		return nil, err
	}
	var files tree
	var problems []artifact.Problem
	seen := names{}
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == "." {
			return err
		}
		if ignore.match(p, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		f, err := readFile(root, p, d)
		if err == nil {
			err = seen.add(f.name, kindOf(f), DefaultLimits)
		}
		if bad, ok := errors.AsType[*UnpackError](err); ok {
			problems = append(problems, artifact.Problem{Place: p, Detail: bad.Detail, Fix: "rename it, or name it in .oarlockignore"})
			return nil
		}
		files = append(files, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, &artifact.ProblemsError{Problems: problems}
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

func kindOf(f file) kind {
	if f.link != "" {
		return kindLink
	}
	return kindFile
}

func readFile(root *os.Root, p string, d fs.DirEntry) (file, error) {
	info, err := d.Info()
	if err != nil {
		return file{}, err
	}
	f := file{name: norm.NFC.String(p), path: p, size: info.Size()}
	if _, err := cleanName(f.name); err != nil {
		return file{}, err
	}
	if err := artifact.PortablePath(f.name); err != nil {
		return file{}, refuse(CodePathUnsafe, p, "%s", strings.TrimSuffix(err.Error(), ": "+artifact.ErrInvalid.Error()))
	}
	switch {
	case info.Mode().IsRegular():
		f.exec, err = executable(root, p)
		return f, err
	case info.Mode().Type() == fs.ModeSymlink:
		f.size = 0
		if f.link, err = root.Readlink(p); err != nil {
			return file{}, err
		}
		f.link = strings.ReplaceAll(f.link, string(os.PathSeparator), "/")
		return f, checkLink(f.name, f.link)
	}
	return file{}, refuse(CodeSpecialFile, p, "%s is neither a file nor a link", info.Mode().Type())
}

// executable looks at the first bytes, since mode bits do not survive every
// file system, archive and checkout.
func executable(root *os.Root, p string) (bool, error) {
	f, err := root.Open(p)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := f.Read(head)
	head = head[:n]
	for _, magic := range []string{"#!", "\x7fELF", "MZ", "\xcf\xfa\xed\xfe", "\xce\xfa\xed\xfe", "\xca\xfe\xba\xbe"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true, nil
		}
	}
	return false, nil
}

// overlayDir holds one directory of files per platform.
const overlayDir = "platforms"

// parts are a plugin's files by where they run.
type parts struct {
	shared    tree
	platforms []artifact.Platform // sorted; empty without overlays
	overlay   map[artifact.Platform]tree
}

// split takes the overlays apart from what is shared and checks them against
// the platforms that plugin.json names, where it names any.
func (t tree) split(named []artifact.Platform) (*parts, error) {
	out := &parts{overlay: map[artifact.Platform]tree{}}
	var problems []artifact.Problem
	for _, f := range t {
		rest, ok := strings.CutPrefix(f.name, overlayDir+"/")
		dir, name, deeper := strings.Cut(rest, "/")
		if !ok {
			out.shared = append(out.shared, f)
			continue
		}
		p, err := overlayPlatform(dir)
		if err != nil || !deeper {
			problems = append(problems, artifact.Problem{Place: f.name,
				Detail: fmt.Sprintf("%s/ holds one directory per platform, named <os>-<arch>[-<variant>] such as linux-amd64", overlayDir),
				Fix:    "rename it or move it elsewhere"})
			continue
		}
		f.name = name
		if f.link != "" && checkLink(f.name, f.link) != nil {
			problems = append(problems, artifact.Problem{Place: f.path,
				Detail: fmt.Sprintf("links to %q, which is outside the files of %s", f.link, p), Fix: "replace the link by the file"})
			continue
		}
		out.overlay[p] = append(out.overlay[p], f)
	}
	for p := range out.overlay {
		out.platforms = append(out.platforms, p)
	}
	slices.SortFunc(out.platforms, artifact.Platform.Compare)
	problems = append(problems, out.check(named)...)
	if len(problems) > 0 {
		return nil, &artifact.ProblemsError{Problems: problems}
	}
	return out, nil
}

// overlayPlatform reads a directory name such as linux-arm-v7.
func overlayPlatform(dir string) (artifact.Platform, error) {
	return artifact.ParsePlatform(strings.ReplaceAll(dir, "-", "/"))
}

func (s *parts) check(named []artifact.Platform) []artifact.Problem {
	if len(s.platforms) == 0 {
		return nil
	}
	var out []artifact.Problem
	for i, p := range named {
		if _, ok := s.overlay[p]; !ok {
			out = append(out, artifact.Problem{Place: fmt.Sprintf("%s /platforms/%d", ManifestFile, i),
				Detail: fmt.Sprintf("%s has no files in %s/%s", p, overlayDir, overlayName(p)),
				Fix:    "add them or drop the platform"})
		}
	}
	for _, p := range s.platforms {
		if len(named) > 0 && !slices.Contains(named, p) {
			out = append(out, artifact.Problem{Place: path.Join(overlayDir, overlayName(p)),
				Detail: fmt.Sprintf("%s is not in \"platforms\" of %s", p, ManifestFile),
				Fix:    "add it there or drop the directory"})
		}
		seen := names{}
		for _, f := range append(slices.Clone(s.shared), s.overlay[p]...) {
			if bad, ok := errors.AsType[*UnpackError](seen.add(f.name, kindOf(f), DefaultLimits)); ok {
				out = append(out, artifact.Problem{Place: f.path,
					Detail: fmt.Sprintf("clashes with a shared file on %s: %s", p, bad.Detail),
					Fix:    "keep the file either shared or per platform"})
			}
		}
	}
	return out
}

func overlayName(p artifact.Platform) string { return strings.ReplaceAll(p.String(), "/", "-") }
