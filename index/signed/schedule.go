package signed

import (
	"context"
	"time"

	"github.com/oarlock/oarlock/index/catalog"
)

const (
	retryFirst = time.Second
	retryMost  = 5 * time.Minute
	// lookEvery is how often it is looked whether what is public changed, whether
	// the registry still holds what was published, and for a root that was brought.
	lookEvery = time.Minute
)

// pokedEvery keeps attempts apart that pokes ask for.
const pokedEvery = time.Second

// Poke makes Run publish at once, without waiting for quiet: what is public
// changed, or a key.
func (p *Publisher) Poke() {
	select {
	case p.poked <- struct{}{}:
	default:
	}
}

// Run publishes what live serves, from when ready is closed until ctx ends: each
// generation that others do not follow at once, and what must be signed anew. A
// failure is logged as an alert and tried again; everything else serves on.
func (p *Publisher) Run(ctx context.Context, live *catalog.Live, ready <-chan struct{}) {
	generations, stop := live.Subscribe()
	defer stop()
	select {
	case <-ready:
	case <-ctx.Done():
		return
	}
	retry := retryFirst
	for {
		p.settle(ctx, generations)
		for poked := true; poked; {
			if ctx.Err() != nil {
				return
			}
			wait := p.attempt(ctx, live, &retry)
			if ctx.Err() != nil {
				return
			}
			poked = p.await(ctx, generations, wait)
		}
	}
}

// settle waits until no generation came for a while, or somebody pokes.
func (p *Publisher) settle(ctx context.Context, generations <-chan *catalog.Generation) {
	quiet, most := time.NewTimer(p.o.Quiet), time.NewTimer(p.o.AtMost)
	defer quiet.Stop()
	defer most.Stop()
	for {
		select {
		case <-generations:
			quiet.Reset(p.o.Quiet)
		case <-quiet.C:
			return
		case <-most.C:
			return
		case <-p.poked:
			return
		case <-p.o.Guard.asks():
			return
		case <-ctx.Done():
			return
		}
	}
}

// attempt publishes and says after which time to look again by itself.
func (p *Publisher) attempt(ctx context.Context, live *catalog.Live, retry *time.Duration) time.Duration {
	done, err := p.Publish(ctx, live.Current())
	if ctx.Err() != nil {
		return 0
	}
	if p.o.Done != nil {
		p.o.Done(done, err)
	}
	if err == nil {
		p.o.Guard.learn(ctx, done.Manifest)
	}
	if err != nil {
		wait := *retry
		*retry = min(2**retry, retryMost)
		p.o.Log.ErrorContext(ctx, "signed catalog: not published, it is tried again", "alert", true, "in", wait, "err", err)
		return wait
	}
	*retry = retryFirst
	if done.Uploaded > 0 {
		p.o.Log.InfoContext(ctx, "signed catalog: published", "generation", done.Generation, "digest", done.CatalogDigest,
			"plugins", done.Plugins, "versions", done.Versions, "manifest", done.Manifest, "expires", done.Expires, "bytes", done.Uploaded)
	}
	return min(max(p.nextRenewal(), time.Second), lookEvery)
}

// nextRenewal is how long until something has lived for half of its time.
func (p *Publisher) nextRenewal() time.Duration {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if p.last == nil {
		return retryMost
	}
	now, life := p.o.Now(), p.o.Lifetimes
	left := p.last.timestamp.Signed.Expires.Sub(now) - life.Timestamp/2
	left = min(left, p.last.snapshot.Signed.Expires.Sub(now)-life.Snapshot/2)
	left = min(left, p.last.targets.Signed.Expires.Sub(now)-life.Targets/2)
	return left + time.Second
}

// await waits for the next generation, a poke, or until it is time. After a poke
// it is to be published at once, but attempts are kept apart.
func (p *Publisher) await(ctx context.Context, generations <-chan *catalog.Generation, most time.Duration) (poked bool) {
	timer, apart := time.NewTimer(most), time.NewTimer(pokedEvery)
	defer timer.Stop()
	defer apart.Stop()
	select {
	case <-generations:
		return false
	case <-p.poked:
	case <-p.o.Guard.asks():
	case <-timer.C:
		return false
	case <-ctx.Done():
		return false
	}
	select {
	case <-apart.C:
	case <-ctx.Done():
	}
	return true
}
