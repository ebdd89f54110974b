package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/cmd/internal/replicas"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/quota"
	"github.com/oarlock/oarlock/index/store"
)

const (
	// rotateEvery is how often signing keys are looked at: at least twice in
	// the hour for which an old one verifies.
	rotateEvery = 15 * time.Minute
	// forgetEvery is how often ended credentials and old rows of the audit log
	// are removed, and keepEnded how long credentials stay to be listed.
	forgetEvery = 24 * time.Hour
	keepEnded   = 30 * 24 * time.Hour
	// learnEvery is how often the namespaces are read where nobody asks, so that
	// they are known when the database falls silent, and that it has is known.
	learnEvery = 10 * time.Second
	// quarantineEvery is how often a replica looks what the others put into
	// quarantine, and what good bytes ended.
	quarantineEvery = 5 * time.Second
	// jobsEvery is how often it is looked for jobs that became due, or that a
	// replica left; those of this one are done at once.
	jobsEvery = 2 * time.Second
	// drainEvery is how often it is looked for statements that wait.
	drainEvery = 10 * time.Second
	// eraseEvery is how often it is looked for what deleted plugins have left.
	eraseEvery = 5 * time.Minute
	// resealEvery is how often it is looked for what another key than the current one
	// sealed.
	resealEvery = time.Hour
	// refillEvery is how often room that was given up is looked for again.
	refillEvery = 2 * time.Second
	// certificateEvery is how often the files of the certificate are looked at.
	certificateEvery = 30 * time.Second
)

// A part is what runs in the background while a Server does.
type part struct {
	name string
	// run does it until ctx ends. An error ends the Server.
	run func(ctx context.Context) error
	// up, if any, waits until the part does its work: those after it in the
	// list begin then.
	up func(ctx context.Context)
}

// partsOf are all that runs, in the order in which they begin.
func partsOf(others *replicas.Replicas, index *joined, e *engines, tasks *periodic.Runner, f *front, m *metricsServer) []part {
	return []part{
		{name: "replicas", run: always(others.Listen), up: others.Heard},
		{name: "ingest", run: index.ingest.Run},
		{name: "publication log", run: always(index.publog.Run)},
		{name: "witnesses of the publication log", run: always(index.publog.Witness)},
		{name: "proofs of other sites' logs", run: always(index.elsewhere.Run)},
		{name: "publication log in the registry", run: always(e.carrier.Run)},
		{name: "jobs", run: always(e.jobs.Run)},
		{name: "periodic", run: always(tasks.Run)},
		{name: "desired states", run: always(e.tenants.Follow)},
		{name: "signed catalog", run: func(ctx context.Context) error { return e.signing.run(ctx, index.ingest.ReadyC()) }},
		{name: "listener", run: f.serve},
		{name: "metrics", run: m.serve},
	}
}

// always is a part that never breaks.
func always(run func(context.Context)) func(context.Context) error {
	return func(ctx context.Context) error { run(ctx); return nil }
}

// begin starts the parts. broken gives the errors with which they end; wait
// returns when all have ended, with those errors that nobody took from broken.
func begin(ctx context.Context, parts []part) (broken <-chan error, wait func() error) {
	ended := make(chan error, len(parts))
	var all sync.WaitGroup
	for _, p := range parts {
		all.Go(func() {
			if err := p.run(ctx); err != nil {
				ended <- fmt.Errorf("%s: %w", p.name, err)
			}
		})
		if p.up != nil {
			p.up(ctx)
		}
	}
	return ended, func() error {
		all.Wait()
		close(ended)
		var errs []error
		for err := range ended {
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
}

// tasksOf are the tasks of the part "periodic": all that is done again and again.
func tasksOf(cfg config.Config, at clock.Clock, p *premises, a *accounts, e *engines, others *replicas.Replicas, watch *databaseWatch, f *front, log *slog.Logger) []periodic.Task {
	writing := []periodic.Task{
		{Name: "signing_keys", Every: rotateEvery, Jitter: time.Minute, Run: func(ctx context.Context) error {
			_, err := a.keys.RotateIfDue(ctx)
			return err
		}},
		{Name: "ended_credentials", Every: forgetEvery, Jitter: time.Hour, Run: func(ctx context.Context) error {
			_, err := a.store.ForgetTokens(ctx, at.Now().Add(-keepEnded))
			return err
		}},
		{Name: "audit_retention", Every: forgetEvery, Jitter: time.Hour, Run: func(ctx context.Context) error { return pruneAudit(ctx, a.store, cfg.Audit.Keep, at.Now(), log) }},
		{Name: "audit_refusals", Every: auth.RefusalInterval, Run: func(ctx context.Context) error {
			a.trail.SettleRefusals(ctx, false)
			return nil
		}, Last: func(ctx context.Context) error {
			a.trail.SettleRefusals(ctx, true)
			return nil
		}},
		{Name: "quota_usage", Every: quota.LookEvery, Run: a.usage.Look, Last: a.usage.Save},
		// What a crash left between the database and the registry is made up here.
		{Name: "ledger_outbox", Every: drainEvery, AtStart: true, Quiet: true, Run: func(ctx context.Context) error {
			err := errors.Join(e.finish(ctx), e.statements.Drain(ctx))
			if err != nil && ctx.Err() == nil {
				log.ErrorContext(ctx, "ledgers: statements wait", "alert", true, "err", err)
			}
			return err
		}},
	}
	writing = append(writing, periodic.Task{Name: "deleted_plugins", Every: eraseEvery, AtStart: true, Run: func(ctx context.Context) error {
		select {
		case <-e.derived:
			return e.lifecycles.EraseDeleted(ctx)
		case <-ctx.Done():
			return nil
		}
	}})
	if p.storage.Replicated() {
		writing = append(writing, periodic.Task{Name: "quarantine", Every: quarantineEvery, Run: p.storage.LearnQuarantine})
	}
	writing = append(writing, e.garbage.Tasks()...)
	writing = append(writing, e.scrubber.Tasks()...)
	writing = append(append(writing, e.ends...), e.reseal)
	writing = append(writing, e.notices.Tasks()...)
	tasks := append(newerGuard{watch}.heed(writing),
		// The authority says in the log when the database does not answer.
		periodic.Task{Name: "namespaces", Every: learnEvery, Quiet: true, Run: a.Learn},
		// What it finds it logs itself, once.
		periodic.Task{Name: "database_watch", Every: lookEvery, AtStart: true, Quiet: true, Run: watch.look},
		// Held polls are told of what other replicas changed.
		periodic.Task{Name: "tenants_changed", Every: followEvery, AtStart: true, Quiet: true, Run: e.tenants.Look},
		periodic.Task{Name: "storage_reserve", Every: refillEvery, Run: func(ctx context.Context) error { p.reserves.refill(ctx); return nil }})
	tasks = append(tasks, others.Tasks()...)
	return append(tasks, f.tasks()...)
}

// followEvery is how often it is looked for events that other replicas wrote down.
const followEvery = 250 * time.Millisecond

// followEvents has open streams told of what happened. What fails is tried again.
func followEvents(s *api.Server) periodic.Task {
	return periodic.Task{Name: "event_streams", Every: followEvery, AtStart: true, Quiet: true, Run: s.FollowEvents}
}

// toldEvents are what happened, as streams tell it.
type toldEvents struct {
	store  *store.Store
	rights notify.Rights
	site   string // its URL
	log    *slog.Logger
}

// LastEvent implements api.PluginEvents.
func (t toldEvents) LastEvent(ctx context.Context) (int64, error) { return t.store.LastEvent(ctx) }

// MayDecide implements api.PluginEvents.
func (t toldEvents) MayDecide(ctx context.Context, plugin artifact.Name) (bool, error) {
	return notify.MayDecide(ctx, t.rights, plugin.String())
}

// EventsAfter implements api.PluginEvents.
func (t toldEvents) EventsAfter(ctx context.Context, number int64, limit int) ([]api.PluginEvent, error) {
	events, err := t.store.EventsAfter(ctx, number, limit)
	if err != nil {
		return nil, err
	}
	out := make([]api.PluginEvent, len(events))
	for i, e := range events {
		out[i].Number = e.Number
		if e.Plugin == "" { // it is about a publisher, and streams tell of plugins
			continue
		}
		told, err := t.told(e)
		if err != nil { // one damaged row is not to keep all that came after it from everybody
			t.log.ErrorContext(ctx, "events: one that cannot be read is told to no stream", "alert", true, "event", e.ID, "number", e.Number, "err", err)
			continue
		}
		out[i] = told
	}
	return out, nil
}

func (t toldEvents) told(e notify.Event) (api.PluginEvent, error) {
	out := api.PluginEvent{Number: e.Number, Confidential: e.Type.Confidential()}
	raw, err := e.CloudEvent(t.site)
	if err == nil {
		err = json.Unmarshal(raw, &out.Event)
	}
	if err == nil {
		out.Plugin, err = artifact.ParseName(e.Plugin)
	}
	return out, err
}

// openReplicas makes what tells the other replicas; nil where there can be none
// that share the storage, which it says.
func openReplicas(ctx context.Context, cfg config.Config, p *premises, index *joined, log *slog.Logger) *replicas.Replicas {
	if p.database.notifier != nil {
		return replicas.New(p.database.notifier, index.ingest, p.blocks, log)
	}
	if place, err := config.ParseStorage(cfg.Storage); err == nil && place.Driver == "s3" {
		log.WarnContext(ctx, "one replica only: its state is in a file of its own, so no other server may use this bucket and prefix; set db to postgres://… for more")
	}
	return nil
}
