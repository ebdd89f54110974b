package catalog

import (
	"maps"
	"slices"

	"github.com/oarlock/oarlock/artifact"
)

func putPermissions(w *writer, v *Version) {
	putList(w, v.Plugin.Permissions, func(w *writer, p artifact.Permission) {
		w.str(p.Name)
		w.str(p.Reason)
		w.bool(p.Optional)
	})
}

func getPermissions(r *reader, v *Version) {
	v.Plugin.Permissions = getList(r, func(r *reader) artifact.Permission {
		return artifact.Permission{Name: r.str(), Reason: r.str(), Optional: r.bool()}
	})
}

func putDependencies(w *writer, v *Version) {
	putList(w, v.Plugin.Dependencies, func(w *writer, d artifact.Dependency) {
		w.str(d.ID.String())
		w.str(d.Range.String())
		w.bool(d.Optional)
	})
}

func getDependencies(r *reader, v *Version) {
	v.Plugin.Dependencies = getList(r, func(r *reader) artifact.Dependency {
		return artifact.Dependency{ID: r.name(), Range: r.rng(), Optional: r.bool()}
	})
}

func putContributes(w *writer, v *Version) {
	points := slices.Sorted(maps.Keys(v.Plugin.Contributes))
	putList(w, points, func(w *writer, point string) {
		w.str(point)
		putList(w, v.Plugin.Contributes[point], func(w *writer, c artifact.Contrib) {
			w.str(c.ID)
			w.str(c.Title)
		})
	})
}

func getContributes(r *reader, v *Version) {
	v.Plugin.Contributes = nil
	if n := r.count(); n > 0 {
		v.Plugin.Contributes = make(map[string][]artifact.Contrib, min(n, artifact.MaxListItems))
		for range n {
			point := r.str()
			v.Plugin.Contributes[point] = getList(r, func(r *reader) artifact.Contrib {
				return artifact.Contrib{ID: r.str(), Title: r.str()}
			})
		}
	}
}

func putMigrations(w *writer, v *Version) {
	putList(w, v.Plugin.Migrations, func(w *writer, m artifact.Migration) {
		w.str(m.From.String())
		w.str(m.Description)
		w.bool(m.Reversible)
	})
}

func getMigrations(r *reader, v *Version) {
	v.Plugin.Migrations = getList(r, func(r *reader) artifact.Migration {
		return artifact.Migration{From: r.rng(), Description: r.str(), Reversible: r.bool()}
	})
}

func putSupport(w *writer, v *Version) {
	s := v.Plugin.Support
	w.bool(s != nil)
	if s != nil {
		w.str(s.Policy)
		w.str(s.Email)
		w.str(s.URL)
	}
}

func getSupport(r *reader, v *Version) {
	v.Plugin.Support = nil
	if r.bool() {
		v.Plugin.Support = &artifact.Support{Policy: r.str(), Email: r.str(), URL: r.str()}
	}
}

func putScreenshots(w *writer, v *Version) {
	putList(w, v.Plugin.Screenshots, func(w *writer, s artifact.Screenshot) {
		w.str(s.Path)
		w.str(s.URL)
		w.str(s.Alt)
	})
}

func getScreenshots(r *reader, v *Version) {
	v.Plugin.Screenshots = getList(r, func(r *reader) artifact.Screenshot {
		return artifact.Screenshot{Path: r.str(), URL: r.str(), Alt: r.str()}
	})
}

func putPayloads(w *writer, v *Version) {
	putList(w, v.Plugin.Payloads, func(w *writer, l artifact.Payload) {
		w.str(l.URL)
		w.digest(l.Digest)
		w.int(l.Size)
		w.str(l.Path)
		w.str(l.Platform.String())
	})
}

func getPayloads(r *reader, v *Version) {
	v.Plugin.Payloads = getList(r, func(r *reader) artifact.Payload {
		return artifact.Payload{URL: r.str(), Digest: r.digest(), Size: r.int(), Path: r.str(), Platform: r.platform()}
	})
}
