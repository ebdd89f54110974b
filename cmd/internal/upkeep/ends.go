package upkeep

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/registry/block"
)

const (
	// endsEvery is how often it is looked for blocks whose time is over; until then they
	// hold.
	endsEvery = 10 * time.Second
	// warnBefore is how long before the end of a block the log says so.
	warnBefore = time.Hour
	// warnAgain is how often the log says that blocks without an end wait for a decision.
	warnAgain = 24 * time.Hour
)

// Ends have blocks end by themselves, and say so before and after.
type Ends struct {
	Blocks      *block.Blocks
	Emergencies Emergencies
	// Note writes down what happened by itself.
	Note  func(ctx context.Context, by auth.Principal, action auth.Action, on auth.Resource, before, after any) error
	Clock clock.Clock
	Log   *slog.Logger

	held   *prometheus.GaugeVec
	ending prometheus.Gauge
	lapsed prometheus.Counter

	warned map[string]time.Time // the end that was told of, by what is blocked
	said   time.Time            // when the log said last what waits
}

// ender is who has blocks end.
var ender = auth.NewProcess("block")

// Tasks are what looks for them.
func (e *Ends) Tasks(metrics prometheus.Registerer) []periodic.Task {
	e.warned = map[string]time.Time{}
	e.held = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "oarlock_blocks", Help: "What may not be pulled, by what holds it."}, []string{"held_by"})
	e.ending = prometheus.NewGauge(prometheus.GaugeOpts{Name: "oarlock_blocks_ending", Help: "Blocks and proposals that end by themselves within the hour."})
	e.lapsed = prometheus.NewCounter(prometheus.CounterOpts{Name: "oarlock_blocks_lapsed_total",
		Help: "Blocks that this server ended because their time was over."})
	metrics.MustRegister(e.held, e.ending, e.lapsed)
	return []periodic.Task{{Name: "ends_of_blocks", Every: endsEvery, AtStart: true, Run: e.look}}
}

func (e *Ends) look(ctx context.Context) error {
	now := e.Clock.Now()
	ended, err := e.Blocks.Lapse(ctx, now, e.may)
	for _, b := range ended {
		e.lapsed.Inc()
		e.Log.WarnContext(ctx, "block: its time is over, it can be pulled again", "alert", true, "repository", b.Repository, "digest", b.Digest, "by", b.By)
		err = errors.Join(err, e.Note(context.WithoutCancel(ctx), ender, audit.BlockLapse, resourceOf(b.Repository), asBlock(b), nil))
	}
	return errors.Join(err, e.count(ctx, now))
}

// may reports whether a block whose time is over ends here: what an emergency holds is let
// go by that, unless there is no record of it any more.
func (e *Ends) may(ctx context.Context, b block.Block) (bool, error) {
	if b.Emergency == "" {
		return true, nil
	}
	known, _, err := e.Emergencies.Known(ctx, b.Emergency)
	return err == nil && !known, err
}

// count measures what is blocked, and warns of what ends and of what waits.
func (e *Ends) count(ctx context.Context, now time.Time) error {
	n, ending := map[string]int{index.HeldByEmergency: 0, index.HeldByProposal: 0, index.HeldByHand: 0, index.HeldByNobody: 0}, 0
	warned := map[string]time.Time{}
	for _, b := range e.Blocks.Held() {
		known, proposed := false, false
		if b.Emergency != "" {
			var err error
			if known, proposed, err = e.Emergencies.Known(ctx, b.Emergency); err != nil {
				return err
			}
		}
		n[heldBy(b, known, proposed)]++
		if b.Until.IsZero() || b.Until.Sub(now) > warnBefore {
			continue
		}
		ending++
		what := b.Repository + "@" + b.Digest.String() + " " + b.Emergency
		if warned[what] = b.Until; !e.warned[what].Equal(b.Until) {
			e.Log.WarnContext(ctx, "block: it ends soon by itself; to keep it, another person confirms the emergency", "alert", true, "repository", b.Repository,
				"digest", b.Digest, "until", b.Until, "emergency", b.Emergency, "by", b.By)
		}
	}
	e.warned = warned
	for by, count := range n {
		e.held.WithLabelValues(by).Set(float64(count))
	}
	e.ending.Set(float64(ending))
	if waits := n[index.HeldByNobody]; waits > 0 && now.Sub(e.said) >= warnAgain {
		e.said = now
		e.Log.WarnContext(ctx, "block: some have no end and wait for a decision: declare an emergency of what must stay (oarlock emergency-remove), "+
			"and lift the others (oarlock block list, oarlock block lift)", "alert", true, "blocks", waits)
	}
	return nil
}
