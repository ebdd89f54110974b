package lint

import (
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
	_, err := artifact.ParsePlugin(raw)
	if err == nil {
		var p *artifact.Plugin
		var files []pack.File
		if p, files, err = pack.Inspect(dir, pack.Options{}); err == nil {
			for _, one := range published(p) {
				w.adopt(one)
			}
			w.manifest(p)
			w.files(p, files)
			return nil
		}
	}
	several, ok := errors.AsType[*artifact.ProblemsError](err)
	switch {
	case ok:
		for _, p := range several.Problems {
			w.adopt(p)
		}
	case errors.Is(err, artifact.ErrInvalid):
		w.elsewhere(artifact.Problem{Place: dir, Detail: err.Error()})
	default:
		return err
	}
	return nil
}

// adopt takes a problem whose place is a JSON pointer, if it is, to its line.
func (w *walk) adopt(p artifact.Problem) {
	pointer := strings.TrimPrefix(p.Place, pack.ManifestFile+" ")
	if !strings.HasPrefix(pointer, "/") {
		w.elsewhere(p)
		return
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

func (w *walk) manifest(p *artifact.Plugin) {
	if len(p.Engines) == 0 {
		w.warn("", "no engines: no host will find the plugin", `add "engines": {"<host id>": "<range of its versions>"}`)
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
		w.warn("", "no license", `add an SPDX expression such as "license": "Apache-2.0"`)
	}
	if p.Description == "" {
		w.warn("", "no description: lists and search have nothing to show", `add a sentence as "description"`)
	}
	if p.Title == "" {
		w.warn("", "no name: people will see "+p.ID.String(), `add the display name as "name"`)
	}
	if p.ID.Reserved() {
		w.note(w.doc.at("/id"), artifact.Problem{Detail: fmt.Sprintf("the publisher %q is the registry's own", p.ID.Publisher()), Fix: "publish in your own namespace"})
	}
	if p.Readme == "" {
		w.warn("", "no readme", "write README.md: it becomes the plugin's page")
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
		if f.Size > bigFile {
			w.elsewhere(artifact.Problem{Place: f.Path, Detail: fmt.Sprintf("%d MiB", f.Size>>20), Fix: "name it in " + pack.IgnoreFile + " if it is not needed", Warning: true})
		}
	}
	for _, l := range p.Payloads {
		shared[path.Clean(l.Path)] = true // it arrives by its URL
	}
	w.entrypoint(p, shared, platforms)
	picture := func(pointer, file string) {
		if file != "" && !strings.Contains(file, "://") && !shared[path.Clean(file)] {
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
