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
	p := &progress{known: map[digest.Digest]*mpb.Bar{}}
	if c.terminal() {
		p.bars = mpb.New(mpb.WithOutput(c.Err), mpb.WithWidth(60))
	}
	return p
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
		p.known[e.Descriptor.Digest] = p.bars.AddBar(e.Descriptor.Size,
			mpb.PrependDecorators(decor.Name(e.Descriptor.Digest.Encoded()[:12])),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f")))
	case bar == nil:
	case e.Step == remote.Sending:
		bar.IncrInt64(e.Bytes)
	default:
		bar.SetTotal(-1, true)
	}
}

func (p *progress) sent() int64 { return p.bytes.Load() }

// done waits until the last bar is drawn. What failed is left as it is.
func (p *progress) done(err error) {
	if p.bars == nil {
		return
	}
	p.mu.Lock()
	for _, bar := range p.known {
		if err != nil {
			bar.Abort(false)
		} else {
			bar.SetTotal(-1, true)
		}
	}
	p.mu.Unlock()
	p.bars.Wait()
}
