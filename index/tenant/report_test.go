package tenant_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
)

// TestAReportIsOneRow_I14: whatever changes with it, and none where nothing does.
func TestAReportIsOneRow_I14(t *testing.T) {
	t.Parallel()
	x := newSite(t, "1.0.0", "")
	h := index.NewTenantHost{Name: "editor-1", Host: "acme-editor", HostVersion: "4.2", Platform: "linux/amd64"}
	if _, err := x.service.AddHost(x.ctx, "north", h); err != nil {
		t.Fatal(err)
	}
	items := []index.HostItem{}
	for n := range 1000 {
		items = append(items, index.HostItem{Plugin: fmt.Sprintf("acme/p%03d", n), Status: index.HostOK, Digest: digest.FromString(fmt.Sprint(n)).String()})
	}
	for _, row := range []struct {
		items   []index.HostItem
		changed int
		holds   string // of the row of the audit log; "" is that there is none
	}{
		{items, 1000, `"changed":1000`},
		{items, 0, ""},
		{items[1:], 1, `[{"plugin":"acme/p000","digest":"` + items[0].Digest + `"}]`},
	} {
		x.rows = nil
		got, err := x.service.Report(x.ctx, "north", "editor-1", index.HostReport{Items: row.items})
		if err != nil || got.Changed != row.changed {
			t.Errorf("%d items: %+v, error %v", len(row.items), got, err)
		}
		switch all := strings.Join(x.rows, "\n"); {
		case row.holds == "" && len(x.rows) == 0:
		case len(x.rows) != 1 || row.holds == "" || !strings.Contains(all, row.holds) || !strings.Contains(all, items[0].Digest) || len(all) > 50<<10:
			t.Errorf("%d items: %d rows of %d bytes: %.1000s", len(row.items), len(x.rows), len(all), all)
		}
	}
}
