package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
)

// An act is something that this machine had a server do and that the server's
// publication log tells of: a line of the journal.
type act struct {
	At     time.Time `json:"at"`     // when the answer came, by this machine
	Server string    `json:"server"` // host and port
	Verb   string    `json:"verb"`

	Plugin    string `json:"plugin,omitempty"`
	Version   string `json:"version,omitempty"`
	Channel   string `json:"channel,omitempty"`
	Ledger    string `json:"ledger,omitempty"`
	Statement string `json:"statement,omitempty"` // its kind, or what became of the channel
	Digest    string `json:"digest,omitempty"`
}

// journalMost bounds a journal, in bytes: beyond it the older half is dropped.
const journalMost = 4 << 20

// journalPath is where this machine keeps its journal.
func journalPath() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "oarlock", "journal.jsonl"), err
}

// journal writes down what was done. The act stands whether or not that works.
func (c *console) journal(ctx context.Context, acts ...act) {
	if len(acts) == 0 {
		return
	}
	path, err := journalPath()
	if err != nil {
		return // a machine without a home remembers nothing
	}
	if err := appendActs(ctx, path, acts); err != nil {
		c.note("journal: %v: oarlock log watch will not know of this", err)
	}
}

func appendActs(ctx context.Context, path string, acts []act) error {
	var lines bytes.Buffer
	for _, a := range acts {
		raw, err := json.Marshal(a)
		if err != nil {
			return err
		}
		lines.Write(append(raw, '\n'))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	unlock, err := waitForLock(ctx, path+".lock")
	if err != nil {
		return err
	}
	defer func() { _ = unlock() }()
	if info, err := os.Lstat(path); err == nil && info.Size()+int64(lines.Len()) > journalMost {
		if err := halve(path); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(lines.Bytes())
	return errors.Join(err, f.Close())
}

// waitForLock waits a moment for what other commands write.
func waitForLock(ctx context.Context, path string) (unlock func() error, err error) {
	for until := time.Now().Add(2 * time.Second); ; {
		unlock, err = durable.Lock(path)
		if !errors.Is(err, durable.ErrLocked) || time.Now().After(until) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// halve drops the older half of a journal.
func halve(path string) error {
	raw, err := bounded.ReadFile(path, bounded.Document)
	if err != nil {
		return err
	}
	_, newer, _ := bytes.Cut(raw[len(raw)/2:], []byte("\n"))
	return durable.Replace(path, newer, 0o600)
}

// readActs reads journals; one that is not there is empty where missing says so. A
// line that is none, such as the last before a power cut, explains nothing.
func readActs(paths []string, missing bool) ([]act, error) {
	var out []act
	for _, path := range paths {
		raw, err := bounded.ReadFile(path, bounded.Document)
		if missing && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		for line := range bytes.Lines(raw) {
			var a act
			if json.Unmarshal(line, &a) == nil {
				out = append(out, a)
			}
		}
	}
	return out, nil
}

// what says an act in a few words.
func (a act) what() string {
	return cmp.Or(a.Verb, "an act") + " of " + a.At.UTC().Format(time.RFC3339)
}
