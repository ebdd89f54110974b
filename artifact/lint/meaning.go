package lint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
)

// bigFile is from where a file is probably there by accident, in bytes.
const bigFile = 50 << 20

// meaning checks what the manifest says as a whole, and against the files.
func (w *walk) meaning(raw []byte, dir string) error {
	var err error
	if !w.failed {
		var p *artifact.Plugin
		if _, err = artifact.ParsePlugin(raw); err == nil {
			var files []pack.File
			if p, files, err = pack.Inspect(dir, pack.Options{}); err == nil {
				w.says(p)
				w.files(p, files)
				return nil
			}
		}
	} else if !w.nothing {
		_, err = artifact.ParsePlugin(w.sound())
	}
	if err := w.adoptAll(err, dir); err != nil {
		return err
	}
	return w.partly(dir)
}

// adoptAll takes the problems that err lists, but for those of fields of which
// something is wrong already: of them only a part was read.
func (w *walk) adoptAll(err error, dir string) error {
	several, ok := errors.AsType[*artifact.ProblemsError](err)
	switch {
	case err == nil:
	case ok:
		before := maps.Clone(w.broken)
		for _, p := range several.Problems {
			if !before[field(strings.TrimPrefix(p.Place, pack.ManifestFile+" "))] {
				w.adopt(p)
			}
		}
	case errors.Is(err, artifact.ErrInvalid):
		w.elsewhere(artifact.Problem{Place: dir, Detail: err.Error()})
	default:
		return err
	}
	return nil
}

// partly checks what does not depend on what is wrong, and says what does.
func (w *walk) partly(dir string) error {
	p := &artifact.Plugin{}
	if err := artifact.UnmarshalStrict(w.sound(), p); err != nil { // what the parser refuses as a whole
		p, w.nothing = &artifact.Plugin{}, true
	}
	files, problems, err := pack.Survey(dir, p)
	if err != nil {
		return err
	}
	for _, one := range problems {
		w.adopt(one)
		w.broken["readme"] = w.broken["readme"] || one.Place == "README.md"
	}
	if w.nothing {
		w.sizes(files)
		if len(w.unchecked) == 0 {
			w.unchecked = append(w.unchecked, Unchecked{wholeManifest, "it is no object { … }"})
		}
		return nil
	}
	w.says(p)
	if len(problems) == 0 {
		w.files(p, files)
	} else {
		w.unchecked = append(w.unchecked, Unchecked{"whether the files that " + pack.ManifestFile + " names are there", "files of the directory cannot be packed as they are"})
	}
	for _, name := range slices.Sorted(maps.Keys(w.broken)) {
		if what := depends[name]; what != "" {
			w.unchecked = append(w.unchecked, Unchecked{what, fmt.Sprintf("%q is wrong", name)})
		}
	}
	return nil
}

// wholeManifest is what is not checked where the document cannot be read.
const wholeManifest = "what " + pack.ManifestFile + " says, and whether the files that it names are there"

// depends is what is not checked where a field is wrong, besides the field itself.
var depends = map[string]string{
	"id":           "what needs the plugin's name, such as whose the namespace is",
	"version":      "whether the version can be published",
	"entrypoint":   "whether the file of the entrypoint is there",
	"platforms":    "whether each platform has its files",
	"payloads":     "whether the file of the entrypoint arrives as a payload",
	"icon":         "whether the picture of the icon is there",
	"screenshots":  "whether the pictures of the screenshots are there",
	"engines":      "whether the ranges of the hosts end",
	"dependencies": "whether the ranges of the dependencies are what they look like",
}

// sound is the document without the fields of which something is wrong.
func (w *walk) sound() []byte {
	out := map[string]json.RawMessage{}
	for _, member := range w.doc.root.object {
		if !w.broken[member.name] {
			out[member.name] = member.raw
		}
	}
	raw, err := json.Marshal(out)
	if err != nil { // the parts are JSON
		return []byte("{}")
	}
	return raw
}

// field is the field of the document that a JSON pointer leads into.
func field(pointer string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	return unescape.Replace(name)
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// breaks remembers that something is wrong with what pointer leads to.
func (w *walk) breaks(pointer string) {
	if name := field(pointer); name != "" {
		w.broken[name] = true
	}
	w.nothing = w.nothing || pointer == "" && !w.doc.root.isObj
}

// says checks what p says, but for the fields of which something is wrong.
func (w *walk) says(p *artifact.Plugin) {
	for _, one := range published(p) {
		if !w.broken[field(one.Place)] {
			w.adopt(one)
		}
	}
	w.manifest(p)
}

// adopt takes a problem whose place is a JSON pointer, if it is, to its line.
func (w *walk) adopt(p artifact.Problem) {
	pointer := strings.TrimPrefix(p.Place, pack.ManifestFile+" ")
	if !strings.HasPrefix(pointer, "/") {
		w.elsewhere(p)
		return
	}
	if !p.Warning {
		w.breaks(pointer)
	}
	n := w.doc.at(strings.TrimSuffix(pointer, "/"))
	if n.pointer != pointer {
		p.Detail = strings.TrimPrefix(pointer, n.pointer+"/") + ": " + p.Detail
	}
	if strings.HasPrefix(p.Fix, "add it, for instance --annotation") {
		p.Fix = "add the field"
	}
	w.note(n, p)
}

func (w *walk) elsewhere(p artifact.Problem) {
	w.found = append(w.found, placed{p, len(w.doc.raw) + 1})
	w.failed = w.failed || !p.Warning
}

func (w *walk) warn(pointer, detail, fix string) {
	w.note(w.doc.at(pointer), artifact.Problem{Detail: detail, Fix: fix, Warning: true})
}

// lacks warns that the document has no such field.
func (w *walk) lacks(name, detail, fix string) {
	if !w.broken[name] {
		w.warn("", detail, fix)
	}
}

func (w *walk) manifest(p *artifact.Plugin) {
	if len(p.Engines) == 0 {
		w.lacks("engines", "no engines: no host will find the plugin", `add "engines": {"<host id>": "<range of its versions>"}`)
	}
	for _, host := range slices.SortedFunc(maps.Keys(p.Engines), func(a, b artifact.HostID) int { return strings.Compare(a.String(), b.String()) }) {
		w.slip("/engines/"+host.String(), p.Engines[host])
		if r := p.Engines[host].String(); openEnded(r) {
			w.warn("/engines/"+host.String(), fmt.Sprintf("%q promises to work with every later %s", r, host), "end the range where you have not tested, for instance with <2")
		}
	}
	for i, d := range p.Dependencies {
		w.slip(fmt.Sprintf("/dependencies/%d/range", i), d.Range)
	}
	for i, platform := range p.Platforms {
		if word, meant := platform.Slip(); word != "" {
			w.warn(fmt.Sprintf("/platforms/%d", i), fmt.Sprintf("%q is no platform that anybody asks for: %q", platform, word), fmt.Sprintf("write %q", meant))
		}
	}
	if p.License == "" {
		w.lacks("license", "no license", `add an SPDX expression such as "license": "Apache-2.0"`)
	}
	if p.Description == "" {
		w.lacks("description", "no description: lists and search have nothing to show", `add a sentence as "description"`)
	}
	if p.Title == "" {
		w.lacks("name", "no name: people will see "+cmp.Or(p.ID.String(), "its id"), `add the display name as "name"`)
	}
	if p.ID.Reserved() {
		w.note(w.doc.at("/id"), artifact.Problem{Detail: fmt.Sprintf("the publisher %q is the registry's own", p.ID.Publisher()), Fix: "publish in your own namespace"})
	}
	if p.Readme == "" {
		w.lacks("readme", "no readme", "write README.md: it becomes the plugin's page")
	}
}

// slip warns of a range that means something else than it looks like.
func (w *walk) slip(pointer string, r artifact.Range) {
	if part, meant := r.Slip(); part != "" {
		w.warn(pointer, fmt.Sprintf("%q is one version with a prerelease, not all from the one to the other", part), fmt.Sprintf("write %q, with spaces, for the range", meant))
	}
}

// openEnded reports whether a range has no upper end.
func openEnded(r string) bool {
	for part := range strings.SplitSeq(r, "||") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.Contains(part, ">") && !strings.ContainsAny(part, "<^~") {
			return true
		}
	}
	return false
}

// sizes warns of files that are probably there by accident.
func (w *walk) sizes(files []pack.File) {
	for _, f := range files {
		if f.Size > bigFile {
			w.elsewhere(artifact.Problem{Place: f.Path, Detail: fmt.Sprintf("%d MiB", f.Size>>20), Fix: "name it in " + pack.IgnoreFile + " if it is not needed", Warning: true})
		}
	}
}

func (w *walk) files(p *artifact.Plugin, files []pack.File) {
	platforms := map[artifact.Platform]map[string]bool{}
	for _, f := range files {
		if !f.Platform.IsZero() {
			platforms[f.Platform] = map[string]bool{}
		}
	}
	shared := map[string]bool{}
	for _, f := range files {
		if f.Platform.IsZero() {
			shared[f.Name] = true
		} else {
			platforms[f.Platform][f.Name] = true
		}
	}
	w.sizes(files)
	for _, l := range p.Payloads {
		shared[path.Clean(l.Path)] = true // it arrives by its URL
	}
	if !w.broken["entrypoint"] && !w.broken["platforms"] && !w.broken["payloads"] {
		w.entrypoint(p, shared, platforms)
	}
	picture := func(pointer, file string) {
		if file != "" && !w.broken[field(pointer)] && !strings.Contains(file, "://") && !shared[path.Clean(file)] {
			w.warn(pointer, fmt.Sprintf("there is no file %q", file), "add the picture or drop the field")
		}
	}
	picture("/icon", p.Icon)
	for i, s := range p.Screenshots {
		picture(fmt.Sprintf("/screenshots/%d/path", i), s.Path)
	}
}

func (w *walk) entrypoint(p *artifact.Plugin, shared map[string]bool, platforms map[artifact.Platform]map[string]bool) {
	file := path.Clean(p.Entrypoint)
	switch {
	case p.Entrypoint == "":
		w.warn("", "no entrypoint: hosts do not know which file to load", `add the file as "entrypoint"`)
	case shared[file]:
	case len(platforms) == 0:
		w.note(w.doc.at("/entrypoint"), artifact.Problem{Detail: fmt.Sprintf("there is no file %q", p.Entrypoint), Fix: "build it first, or correct the path"})
	default:
		for _, platform := range slices.SortedFunc(maps.Keys(platforms), artifact.Platform.Compare) {
			if !platforms[platform][file] {
				w.note(w.doc.at("/entrypoint"), artifact.Problem{Detail: fmt.Sprintf("there is no file %q for %s", p.Entrypoint, platform), Fix: "build it first, or correct the path"})
			}
		}
	}
}
