package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
)

// A journal remembers what is done, one "reference digest" a line, so that a
// restart passes over it without asking the registry. Losing it, or its last
// lines, costs time only: pushing again changes nothing. It is safe for
// concurrent use.
type journal struct {
	mu   sync.Mutex
	file *os.File
	done map[string]digest.Digest
	last string // reference of the last line
}

// openJournal reads and continues the journal at path; "none" keeps none.
func openJournal(path string) (*journal, error) {
	j := &journal{done: map[string]digest.Digest{}}
	if path == "none" {
		return j, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("journal: %w", err)
	}
	lines := bufio.NewScanner(strings.NewReader(string(raw)))
	for lines.Scan() {
		ref, d, ok := strings.Cut(lines.Text(), " ")
		if parsed, err := digest.Parse(d); ok && err == nil { // a cut last line is no line
			j.done[ref], j.last = parsed, ref
		}
	}
	if j.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if len(raw) > 0 && raw[len(raw)-1] != '\n' {
		if _, err := j.file.WriteString("\n"); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
	}
	return j, nil
}

// has reports whether ref is done with just this digest.
func (j *journal) has(ref string, d digest.Digest) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.done[ref] == d
}

// add writes one line at once, so that a kill loses nothing that was said.
func (j *journal) add(ref string, d digest.Digest) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done[ref] = d
	if j.file == nil {
		return nil
	}
	if _, err := fmt.Fprintf(j.file, "%s %s\n", ref, d); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// forget empties the journal: the registry is not the one that it speaks of.
func (j *journal) forget() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	clear(j.done)
	if j.file == nil {
		return nil
	}
	return j.file.Truncate(0)
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
