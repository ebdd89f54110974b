package cli

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index/publog"
)

// watchState is what this machine knows of the leaves about a publisher.
type watchState struct {
	Key        string `json:"key"`
	Checkpoint string `json:"checkpoint"`
	// Start is the first leaf that was ever looked at, Next the first that was not.
	Start int64 `json:"start"`
	Next  int64 `json:"next"`
	// Sequences are the last statement of each ledger and the last move of each
	// channel, which are numbered without gaps.
	Sequences map[string]int `json:"sequences"`
	// Published are the keys of the versions that were published, as hexadecimal.
	Published map[string]bool `json:"published"`
	// Plugins are those that leaves told of.
	Plugins map[string]bool `json:"plugins"`
}

// next is a copy to be changed, at a checkpoint.
func (s watchState) next(key string, f *publog.Followed) watchState {
	out := watchState{Key: key, Checkpoint: f.Signed, Start: s.Start, Next: s.Next,
		Sequences: map[string]int{}, Published: map[string]bool{}, Plugins: map[string]bool{}}
	maps.Copy(out.Sequences, s.Sequences)
	maps.Copy(out.Published, s.Published)
	maps.Copy(out.Plugins, s.Plugins)
	return out
}

// begin goes to where --from says; "" goes on.
func (s *watchState) begin(from string, size int64) error {
	if from == "" {
		return nil
	}
	n, err := size, error(nil)
	if from != "now" {
		n, err = strconv.ParseInt(from, 10, 64)
	}
	if err != nil || n < 0 || n > size {
		return usagef("--from %q: expected now, or the number of a leaf from 0 to %d", from, size)
	}
	s.Start, s.Next, s.Sequences, s.Published = n, n, map[string]int{}, map[string]bool{}
	return nil
}

// saw takes a leaf. One that does not follow those before it, of its ledger or its
// channel, is an error that wraps artifact.ErrUnverified.
func (s *watchState) saw(number int64, e publog.Event) error {
	name := e.Ledger
	if ref, err := format.ParseRef(name); err == nil && !ref.OfPublisher() {
		s.Plugins[ref.Plugin().String()] = true
	} else if e.Plugin != "" {
		s.Plugins[e.Plugin] = true
	}
	if e.Kind == publog.Published {
		s.Published[publishedKey(e.Plugin, e.Digest)] = true
		return nil
	}
	if e.Channel != "" {
		name = e.Plugin + ":" + e.Channel
	}
	before, known := s.Sequences[name]
	if e.Sequence != before+1 && (known || s.Start == 0) {
		return fmt.Errorf("leaf %d is number %d of %s, and the one before it that was told is number %d: "+
			"the server leaves leaves out, or that has another history now (--from %d looks on after it): %w",
			number, e.Sequence, name, before, number, artifact.ErrUnverified)
	}
	s.Sequences[name] = e.Sequence
	return nil
}

func publishedKey(plugin string, d digest.Digest) string {
	k := publog.PublishedKey(plugin, d)
	return hex.EncodeToString(k[:])
}

// watchMemory remembers what was watched, by server and publisher.
type watchMemory struct {
	path string
	err  error
}

func newWatchMemory() watchMemory {
	dir, err := os.UserConfigDir()
	return watchMemory{filepath.Join(dir, "oarlock", "watched.json"), err}
}

func (m watchMemory) all() (map[string]watchState, error) {
	all := map[string]watchState{}
	if m.err != nil {
		return all, nil // a machine without a home remembers nothing
	}
	raw, err := bounded.ReadFile(m.path, bounded.Document)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		err = fmt.Errorf("what was watched: %s: %w (--forget begins anew)", m.path, err)
	}
	return all, err
}

func (m watchMemory) of(server, publisher string) (watchState, error) {
	all, err := m.all()
	return all[server+" "+publisher], err
}

// remember replaces what is remembered, whole or not at all.
func (m watchMemory) remember(server, publisher string, s watchState) error {
	if m.err != nil {
		return nil
	}
	all, err := m.all()
	if err != nil {
		all = map[string]watchState{}
	}
	all[server+" "+publisher] = s
	raw, err := json.Marshal(all)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(m.path), 0o700)
	}
	if err == nil {
		err = durable.Replace(m.path, raw, 0o600)
	}
	if err != nil {
		return fmt.Errorf("remember what was watched: %w", err)
	}
	return nil
}

func (w *watch) remember(r watchResult) error {
	if err := newWatchMemory().remember(w.server, w.how.publisher, w.state); err != nil {
		return err
	}
	return newLogMemory().remember(w.server, knownLog{Key: w.key, Checkpoint: w.state.Checkpoint})
}
