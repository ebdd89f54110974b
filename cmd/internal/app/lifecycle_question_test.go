package app

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// A cellQuestion asks a catalog, the server's API or a signed one, about a plugin
// whose version 1.1.0, or which itself, is in a state.
type cellQuestion struct {
	client.Catalog
	t       *testing.T
	id      artifact.Name
	state   table.State
	role    table.Role
	digests map[string]digest.Digest // by version
}

// asked is what the catalog answers to an operation that is no pull.
func (q *cellQuestion) asked(o table.Operation) table.Cell {
	q.t.Helper()
	switch o {
	case table.Search:
		page := must(q.Search(q.t.Context(), index.Query{Limit: 100}))
		i := slices.IndexFunc(page.Items, func(row index.Row) bool { return row.ID == q.id.String() && row.Version == "1.1.0" })
		if i < 0 {
			return table.Cell{Status: http.StatusOK, Fields: table.Absent, Code: q.why()}
		}
		return table.Cell{Status: http.StatusOK, Answer: table.Yes, Fields: fieldsOf(page.Items[i].Digest)}
	case table.Show:
		c := table.Cell{Status: http.StatusOK, Answer: table.Yes, Fields: fieldsOf(q.version().Digest)}
		if c.Fields != table.Whole {
			c.Answer, c.Code = table.Warn, q.why()
		}
		q.alike(c.Fields)
		return c
	case table.Resolve:
		return q.solve("1.1.0")
	case table.Install:
		return q.solve("")
	case table.Update:
		return q.solve("1.0.0")
	}
	return q.run()
}

func fieldsOf(d digest.Digest) table.Fields {
	if d == "" {
		return table.Tombstone
	}
	return table.Whole
}

func (q *cellQuestion) version() *index.VersionDetail {
	q.t.Helper()
	return must(q.Version(q.t.Context(), q.id, must(artifact.ParseVersion("1.1.0"))))
}

// solve resolves 1.1.0 for who has a version locked, or none.
func (q *cellQuestion) solve(lock string) table.Cell {
	q.t.Helper()
	request := index.ResolveRequest{Plugins: []index.Want{{ID: q.id.String(), Range: "=1.1.0"}}}
	if lock != "" {
		request.Locked = []index.Locked{{ID: q.id.String(), Digest: q.digests[lock]}}
	}
	got, err := q.Resolve(q.t.Context(), request)
	var refused *index.Problem
	switch {
	case errors.As(err, &refused):
		return table.Cell{Status: refused.Status, Code: q.why()}
	case err != nil || len(got.Resolved) != 1 || got.Resolved[0].Version != "1.1.0":
		q.t.Errorf("%s as %s, with %q: %+v, %v", q.id, q.role, lock, got, err)
		return table.Cell{}
	case len(got.Resolved[0].Notices) > 0:
		return table.Cell{Status: http.StatusOK, Answer: table.Warn, Code: got.Resolved[0].Notices[0].Kind}
	}
	return table.Cell{Status: http.StatusOK, Answer: table.Yes}
}

// run is what a host that runs 1.1.0 is told.
func (q *cellQuestion) run() table.Cell {
	q.t.Helper()
	v := q.version()
	c := table.Cell{Status: http.StatusOK, Standing: v.Standing, Answer: table.Yes}
	if n := v.Notices; (len(n) > 0) != (c.Standing != table.OK) || len(n) > 0 && (n[0].Standing != c.Standing || n[0].Withdrawn == q.state.May(q.role, table.Install)) {
		q.t.Errorf("%s as %s: standing %s with notices %+v", q.id, q.role, c.Standing, n)
	}
	switch c.Standing {
	case table.OK:
	case table.Stop:
		c.Answer, c.Code = table.No, q.why()
	default:
		c.Answer, c.Code = table.Warn, q.why()
	}
	return c
}

// why is the code by which why leaves version 1.1.0 out; "" where it does not.
func (q *cellQuestion) why() string {
	q.t.Helper()
	for _, v := range must(q.Why(q.t.Context(), q.id, index.Query{})).Versions {
		if v.Version == "1.1.0" && len(v.Reasons) > 0 {
			return v.Reasons[0].Code
		}
	}
	if d := must(q.Show(q.t.Context(), q.id, index.Query{})); len(d.Notices) > 0 {
		return d.Notices[0].Kind
	}
	return ""
}

// alike holds show, why and the list that asks for the state to one answer.
func (q *cellQuestion) alike(want table.Fields) {
	q.t.Helper()
	v := must(q.Show(q.t.Context(), q.id, index.Query{})).Versions[0]
	named := v.Reference != "" || slices.ContainsFunc(v.Platforms, func(b index.Build) bool { return b.Digest != "" })
	if got := fieldsOf(v.Digest); got != want || want == table.Tombstone && named {
		q.t.Errorf("%s as %s: show has %s, expected %s: %+v", q.id, q.role, got, want, v)
	}
	if got := fieldsOf(must(q.Why(q.t.Context(), q.id, index.Query{})).Versions[0].Digest); got != want {
		q.t.Errorf("%s as %s: why has %s, expected %s", q.id, q.role, got, want)
	}
	if q.state.Version != "" {
		return
	}
	page := must(q.Search(q.t.Context(), index.Query{Limit: 100, State: string(q.state.Plugin)}))
	i := slices.IndexFunc(page.Items, func(row index.Row) bool { return row.ID == q.id.String() })
	if i < 0 {
		q.t.Errorf("%s as %s: the list of what is %s lacks it", q.id, q.role, q.state.Plugin)
		return
	}
	if row := page.Items[i]; fieldsOf(row.Digest) != want || (row.Reference == "") != (want == table.Tombstone) || row.State != q.state.Plugin {
		q.t.Errorf("%s as %s: the list of what is %s has %+v", q.id, q.role, q.state.Plugin, row)
	}
}
