package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// An outcome is what became of one entry.
type outcome struct {
	Entry   string   `json:"entry"`
	Reason  string   `json:"reason,omitempty"` // why it was not taken
	Notes   []string `json:"notes,omitempty"`  // what was dropped from it
	skipped bool
}

// progress counts outcomes and prints a line now and then: every quarter of a
// second in place on a terminal, every five seconds elsewhere.
type progress struct {
	mu       sync.Mutex
	report   report
	now      func() time.Time
	started  time.Time
	log      io.Writer
	terminal bool
	stop     chan struct{}
	stopped  sync.WaitGroup
}

func startProgress(log io.Writer, total int, now func() time.Time) *progress {
	p := &progress{now: now, started: now(), log: log, stop: make(chan struct{}), report: report{Total: total}}
	every := 5 * time.Second
	if f, ok := log.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal, every = true, 250*time.Millisecond
	}
	p.stopped.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.print("")
			case <-p.stop:
				return
			}
		}
	})
	return p
}

func (p *progress) add(o outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case o.Reason != "":
		p.report.Refused = append(p.report.Refused, o)
	case o.skipped:
		p.report.Skipped++
	default:
		p.report.Pushed++
	}
	if o.Reason == "" && len(o.Notes) > 0 {
		p.report.Noted = append(p.report.Noted, o)
	}
}

// line is the state in words: counts, rate and the time that is left.
func (p *progress) line() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &p.report
	done := r.Pushed + r.Skipped + len(r.Refused)
	s := fmt.Sprintf("%d/%d versions, %d pushed, %d there already, %d not taken", done, r.Total, r.Pushed, r.Skipped, len(r.Refused))
	spent := p.now().Sub(p.started).Seconds()
	if r.Pushed > 0 && spent > 0 {
		rate := float64(r.Pushed) / spent
		s += fmt.Sprintf(", %.0f/s", rate)
		if left := r.Total - done; left > 0 {
			s += fmt.Sprintf(", %s left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
		}
	}
	return s
}

func (p *progress) print(end string) {
	if p.terminal {
		fmt.Fprintf(p.log, "\r\x1b[K%s%s", p.line(), end)
		return
	}
	fmt.Fprintln(p.log, p.line())
}

// finish prints the last line and gives the report.
func (p *progress) finish() *report {
	close(p.stop)
	p.stopped.Wait()
	p.print("\n")
	p.report.Seconds = p.now().Sub(p.started).Seconds()
	p.report.sort()
	return &p.report
}
