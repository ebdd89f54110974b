package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/tenant"
)

type hostReportRow struct {
	bun.BaseModel `bun:"table:host_reports"`

	Tenant     string `bun:"tenant,pk"`
	Host       string `bun:"host,pk"`
	Key        int64  `bun:"key_number"`
	Counter    int64  `bun:"counter"`
	ReportedAt int64  `bun:"reported_at"`
}

type hostItemRow struct {
	bun.BaseModel `bun:"table:host_items"`

	Tenant  string `bun:"tenant,pk"`
	Host    string `bun:"host,pk"`
	Plugin  string `bun:"plugin,pk"`
	Version string `bun:"version"`
	Digest  string `bun:"digest"`
	Since   int64  `bun:"since"`
	Status  string `bun:"status"`
	Code    string `bun:"code"`
	Message string `bun:"message"`
	Trace   string `bun:"trace"`
}

type hostBucketRow struct {
	bun.BaseModel `bun:"table:host_buckets"`

	Tenant     string `bun:"tenant,pk"`
	Host       string `bun:"host,pk"`
	Number     int64  `bun:"number,pk"`
	ReportedAt int64  `bun:"reported_at"`
	Buckets    string `bun:"buckets"`
}

func (r hostItemRow) item() index.HostItem {
	out := index.HostItem{Plugin: r.Plugin, Version: r.Version, Digest: r.Digest, Status: index.HostStatus(r.Status),
		Code: r.Code, Message: r.Message, Trace: r.Trace}
	if since := fromMicro(r.Since); !since.IsZero() {
		out.Since = &since
	}
	return out
}

// hostReportRows are what the hosts of one tenant said last.
type hostReportRows struct{ tenantRows }

// Reports implements tenant.Rows.
func (r tenantRows) Reports() tenant.ReportRows { return hostReportRows{r} }

func reportNamed(host string) string { return fmt.Sprintf("report of host %q", host) }

// Report implements tenant.ReportRows.
func (r hostReportRows) Report(ctx context.Context, host string) (out tenant.Report, err error) {
	row := hostReportRow{Tenant: r.id, Host: host}
	if err := r.s.reader(ctx).NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return out, wrap(r.what(reportNamed(host)), err)
	}
	var items []hostItemRow
	err = r.s.reader(ctx).NewSelect().Model(&items).Where("tenant = ? AND host = ?", r.id, host).OrderExpr("plugin COLLATE ?", r.s.byteOrder()).Scan(ctx)
	if err != nil {
		return out, wrap(r.what(reportNamed(host)), err)
	}
	out = tenant.Report{Epoch: index.Epoch{Key: row.Key, Counter: row.Counter}, At: fromMicro(row.ReportedAt)}
	for _, i := range items {
		out.Items = append(out.Items, i.item())
	}
	return out, nil
}

// Put implements tenant.ReportRows.
func (r hostReportRows) Put(ctx context.Context, host string, n tenant.Report) error {
	err := r.s.InTx(ctx, func(ctx context.Context) error {
		row := hostReportRow{Tenant: r.id, Host: host, Key: n.Epoch.Key, Counter: n.Epoch.Counter, ReportedAt: micro(n.At)}
		had, err := affected(r.s.writer(ctx).NewUpdate().Model(&row).WherePK().Exec(ctx))
		if err == nil && had == 0 {
			_, err = r.s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		}
		if err != nil {
			return err
		}
		if n.Items != nil {
			if err := r.putItems(ctx, host, n.Items); err != nil {
				return err
			}
		}
		return r.putBuckets(ctx, host, n)
	})
	return wrap(r.what(reportNamed(host)), err)
}

func (r hostReportRows) putItems(ctx context.Context, host string, items []index.HostItem) error {
	if _, err := r.s.writer(ctx).NewDelete().Model((*hostItemRow)(nil)).Where("tenant = ? AND host = ?", r.id, host).Exec(ctx); err != nil {
		return err
	}
	rows := make([]hostItemRow, len(items))
	for n, i := range items {
		rows[n] = hostItemRow{Tenant: r.id, Host: host, Plugin: i.Plugin, Version: i.Version, Digest: i.Digest, Status: string(i.Status),
			Code: i.Code, Message: i.Message, Trace: i.Trace}
		if i.Since != nil {
			rows[n].Since = micro(*i.Since)
		}
	}
	for len(rows) > 0 {
		some := rows[:min(len(rows), 100)]
		if _, err := r.s.writer(ctx).NewInsert().Model(&some).Exec(ctx); err != nil {
			return err
		}
		rows = rows[len(some):]
	}
	return nil
}

// putBuckets adds the counters of a report, and drops the oldest.
func (r hostReportRows) putBuckets(ctx context.Context, host string, n tenant.Report) error {
	if len(n.Buckets) == 0 {
		return nil
	}
	raw, err := json.Marshal(n.Buckets)
	if err != nil {
		return err
	}
	var last int64
	err = r.s.reader(ctx).NewSelect().Model((*hostBucketRow)(nil)).ColumnExpr("COALESCE(MAX(number), 0)").
		Where("tenant = ? AND host = ?", r.id, host).Scan(ctx, &last)
	if err != nil {
		return err
	}
	row := hostBucketRow{Tenant: r.id, Host: host, Number: last + 1, ReportedAt: micro(n.At), Buckets: string(raw)}
	if _, err := r.s.writer(ctx).NewInsert().Model(&row).Exec(ctx); err != nil {
		return err
	}
	_, err = r.s.writer(ctx).NewDelete().Model((*hostBucketRow)(nil)).
		Where("tenant = ? AND host = ? AND number <= ?", r.id, host, last+1-tenant.MostBuckets).Exec(ctx)
	return err
}

// Plugins implements tenant.ReportRows.
func (r hostReportRows) Plugins(ctx context.Context, plugins []string) (map[string][]index.TenantPluginHost, error) {
	out := map[string][]index.TenantPluginHost{}
	if len(plugins) == 0 {
		return out, nil
	}
	var rows []hostItemRow
	err := r.s.reader(ctx).NewSelect().Model(&rows).ExcludeColumn("trace").Where("tenant = ? AND plugin IN (?)", r.id, bun.List(plugins)).
		OrderExpr("host COLLATE ?", r.s.byteOrder()).Scan(ctx)
	if err != nil {
		return nil, wrap(r.what("what runs"), err)
	}
	for _, row := range rows {
		i := row.item()
		out[row.Plugin] = append(out[row.Plugin], index.TenantPluginHost{Host: row.Host, Version: i.Version, Digest: i.Digest, Since: i.Since,
			Status: i.Status, Code: i.Code, Message: i.Message})
	}
	return out, nil
}
