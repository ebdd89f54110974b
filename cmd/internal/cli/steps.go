package cli

import (
	"fmt"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/oarlock/oarlock/registry/backup"
)

// steps draws one bar over the repositories of a long run, where there is a
// terminal.
type steps struct {
	bars *mpb.Progress // nil without a terminal
	bar  *mpb.Bar
	now  atomic.Pointer[backup.Progress]
	// listed is how many entries of lists were read, where the run reads any.
	listed atomic.Int64
}

func (c *console) newSteps(name string) *steps {
	s := &steps{bars: c.newBars()}
	s.now.Store(&backup.Progress{})
	if s.bars != nil {
		s.bar = newBar(s.bars, 0, mpb.PrependDecorators(decor.Name(name)), mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			p := s.now.Load()
			said := fmt.Sprintf("%d of %d repositories, %d objects, %s", p.Repositories, p.Of, p.Objects, byteCount(p.Bytes))
			if n := s.listed.Load(); n > 0 {
				said += fmt.Sprintf(", %d entries of lists", n)
			}
			return said
		})))
	}
	return s
}

// at hears how far the run has come, from one goroutine at a time.
func (s *steps) at(p backup.Progress) {
	s.now.Store(&p)
	if s.bars != nil {
		s.bar.SetTotal(int64(max(p.Of, 1)), false)
		s.bar.SetCurrent(int64(p.Repositories))
	}
}

// done waits until the bar is drawn. What failed is left as it is.
func (s *steps) done(err error) {
	if s.bars == nil {
		return
	}
	endBar(s.bar, err)
	s.bars.Wait()
}
