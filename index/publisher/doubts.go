package publisher

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/oarlock/oarlock/index/jobs"
)

// doubts are the namespaces of which it has to be found out whether their rows
// say what their ledgers say, and what keeps statements from ledgers.
type doubts struct {
	mu      sync.Mutex
	begun   bool // all were in doubt once
	names   map[string]bool
	refused map[string]refused
	waits   jobs.Backlog
}

// refused is the last statement that a ledger did not allow.
type refused struct {
	by    string
	asked time.Time
	why   error
}

// take empties the set for its caller, who adds again what stays in doubt. The
// first time that is what all gives.
func (d *doubts) take(ctx context.Context, all func(context.Context) ([]string, error)) ([]string, error) {
	var first []string
	if !d.hasBegun() {
		var err error
		if first, err = all(ctx); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begun = true
	d.put(first)
	names := slices.Sorted(maps.Keys(d.names))
	d.names = nil
	return names, nil
}

func (d *doubts) hasBegun() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.begun
}

func (d *doubts) add(names ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put(names)
}

// put is called with mu held.
func (d *doubts) put(names []string) {
	if d.names == nil {
		d.names = map[string]bool{}
	}
	for _, name := range names {
		d.names[name] = true
	}
}

// of takes one name out, and reports whether it was in.
func (d *doubts) of(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.names[name]
	delete(d.names, name)
	return was
}

func (d *doubts) refuse(name string, last refused) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put([]string{name})
	if d.refused == nil {
		d.refused = map[string]refused{}
	}
	d.refused[name] = last
}

// refusal gives back the last refusal of a publisher's statement where it was
// asked for by that one and since then, and forgets it: it is told once, and to
// nobody else.
func (d *doubts) refusal(name, by string, since time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, ok := d.refused[name]
	if !ok || last.by != by && !last.asked.Before(since) {
		return nil
	}
	delete(d.refused, name)
	if last.by != by || last.asked.Before(since) {
		return nil
	}
	return last.why
}

func (d *doubts) note(b jobs.Backlog) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waits = b
}

// stuck says what waits and failed, or "".
func (d *doubts) stuck() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waits.LastError == "" {
		return ""
	}
	return fmt.Sprintf("%d statements wait for their ledgers, the first since %s: %s; it is tried again: fix what it names, and where a ledger does not hold, copy it from a mirror or restore a backup",
		d.waits.Jobs, d.waits.Oldest.UTC().Format(time.RFC3339), d.waits.LastError)
}
