package registry

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/oarlock/oarlock/registry/storage"
)

// maxRepositories is the largest page of names that is given when n asks for more.
const maxRepositories = 10000

// getRepositories answers _catalog, which mirrors ask for: the names of all
// repositories that ever held a manifest, by bytes.
//
// Source: the HTTP API V2 of distribution, "Listing Repositories".
func (g *Registry) getRepositories(w http.ResponseWriter, r *http.Request) error {
	p, err := parsePage(r.URL.Query(), maxRepositories)
	if err != nil {
		return err
	}
	names, more, err := pageOfRepositories(r.Context(), g.storage, p)
	if err != nil {
		return err
	}
	if more {
		w.Header().Set("Link", p.next(r.URL.Path, names[len(names)-1], nil))
	}
	body, err := json.Marshal(map[string]any{"repositories": names})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
	return nil
}

func pageOfRepositories(ctx context.Context, in *storage.Storage, p page) (names []string, more bool, err error) {
	names = []string{}
	err = in.Repositories(ctx, func(name string) error {
		if name > p.last {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	slices.Sort(names) // folders are walked in another order
	if p.n >= 0 && len(names) > p.n {
		return names[:p.n], p.n > 0, nil
	}
	return names, false, nil
}
