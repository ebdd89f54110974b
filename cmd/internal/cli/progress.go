package cli

import (
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/oarlock/oarlock/registry/remote"
)

// progress draws one bar for each blob that travels, where there is a terminal,
// and counts bytes in any case.
type progress struct {
	bars  *mpb.Progress // nil without a terminal
	bytes atomic.Int64
	mu    sync.Mutex
	known map[digest.Digest]*mpb.Bar
}

func (c *console) newProgress() *progress {
	return &progress{bars: c.newBars(), known: map[digest.Digest]*mpb.Bar{}}
}

// push hears what a push does, from several goroutines at once.
func (p *progress) push(e remote.Event) {
	if e.Step == remote.Sending {
		p.bytes.Add(e.Bytes)
	}
	if p.bars == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	bar := p.known[e.Descriptor.Digest]
	switch {
	case e.Step == remote.Started && bar == nil:
		p.known[e.Descriptor.Digest] = newBar(p.bars, e.Descriptor.Size,
			mpb.PrependDecorators(decor.Name(e.Descriptor.Digest.Encoded()[:12])),
			mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string { return byteCount(s.Current) + " / " + byteCount(s.Total) })))
	case bar == nil:
	case e.Step == remote.Sending:
		bar.IncrInt64(e.Bytes)
	case e.Step == remote.Done: // of a manifest, which travels in one piece, nothing was counted
		bar.SetCurrent(e.Descriptor.Size)
		bar.SetTotal(-1, true)
	default:
		bar.SetTotal(-1, true)
	}
}

// newBars draws below one another on stderr, and is nil without a terminal.
func (c *console) newBars() *mpb.Progress {
	if !c.terminal() {
		return nil
	}
	return mpb.New(mpb.WithOutput(c.Err), mpb.WithWidth(60))
}

// newBar adds a bar that ends when it is told, never by itself: mpb ignores
// SetTotal for a bar that was made with its total, and one that has seen fewer
// bytes than that (the registry had some already, a push was cut) keeps Wait
// waiting for ever.
func newBar(bars *mpb.Progress, total int64, options ...mpb.BarOption) *mpb.Bar {
	bar := bars.AddBar(0, options...)
	bar.SetTotal(total, false)
	return bar
}

// endBar ends a bar, full or as it is, so that Wait returns.
func endBar(bar *mpb.Bar, err error) {
	if err == nil {
		bar.SetTotal(-1, true)
	}
	bar.Abort(false) // nothing, for a bar that is complete
}

func (p *progress) sent() int64 { return p.bytes.Load() }

// done waits until the last bar is drawn. What failed is left as it is.
func (p *progress) done(err error) {
	if p.bars == nil {
		return
	}
	p.mu.Lock()
	for _, bar := range p.known {
		endBar(bar, err)
	}
	p.mu.Unlock()
	p.bars.Wait()
}
