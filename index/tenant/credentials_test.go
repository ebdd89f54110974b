package tenant_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/tenant"
)

// issuer counts the credentials that it makes, and how often others ended.
type issuer struct{ issued, ended int }

func (i *issuer) Issue(context.Context, string, string) (string, error) {
	i.issued++
	return "secret", nil
}
func (i *issuer) Ended() { i.ended++ }

// torn is a store of which no host can be read whole.
type torn struct{ tenant.Store }

func (s torn) OfTenant(id string) tenant.Rows { return tornRows{s.Store.OfTenant(id)} }

type tornRows struct{ tenant.Rows }

func (r tornRows) Hosts() tenant.HostRows { return tornHosts{r.Rows.Hosts()} }

type tornHosts struct{ tenant.HostRows }

func (h tornHosts) Host(ctx context.Context, name string) (tenant.Host, error) {
	one, err := h.HostRows.Host(ctx, name)
	if err == nil {
		err = errors.New("it cannot be read")
		one.Damaged = err
	}
	return one, err
}

// TestADamagedHostIsRotated_I7: somebody else may have its credential all the same.
func TestADamagedHostIsRotated_I7(t *testing.T) {
	t.Parallel()
	x, made := newSite(t, "1.0.0", ""), &issuer{}
	x.service = tenant.New(tenant.Options{Store: torn{x.db}, InTx: x.db.InTx, Rights: x, Acts: audit.Log{May: x.May, Rows: x}, Catalog: x,
		Clock: clock.NewHand(noon).Clock(), Credentials: made})
	h := index.NewTenantHost{Name: "editor-1", Host: "acme-editor", HostVersion: "4.2", Platform: "linux/amd64"}
	if _, err := x.service.AddHost(x.ctx, "north", h); err != nil {
		t.Fatal(err)
	}
	out, err := x.service.RotateHost(x.ctx, "north", "editor-1")
	if err != nil || out.Secret != "secret" || out.Problem == "" || out.Name != "editor-1" || made.issued != 2 || made.ended != 1 {
		t.Errorf("rotated: %+v, %+v, error %v", out, made, err)
	}
	if _, err := x.service.RotateHost(x.ctx, "north", "editor-2"); err == nil || made.issued != 2 {
		t.Errorf("one that is not there: %+v, error %v", made, err)
	}
}
