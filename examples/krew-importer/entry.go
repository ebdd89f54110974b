package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// An entry is one version of a krew plugin.
type entry struct {
	ID               string     `json:"id"`
	Version          string     `json:"version"`
	Released         string     `json:"released"`
	ShortDescription string     `json:"shortDescription"`
	Description      string     `json:"description"`
	Homepage         string     `json:"homepage"`
	Platforms        []platform `json:"platforms"`

	line   int
	broken error // the line is no entry
}

type platform struct {
	Selector *selector `json:"selector"`
	URI      string    `json:"uri"`
	SHA256   string    `json:"sha256"`
	Bin      string    `json:"bin"`
}

// name is what reports call the entry.
func (e *entry) name() string {
	if e.ID == "" {
		return fmt.Sprintf("line %d", e.line)
	}
	return e.ID + " " + e.Version
}

func readFile(path string) ([]entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	entries, err := readEntries(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	markRepeated(entries)
	return entries, nil
}

// markRepeated breaks every entry that is the same version as an earlier one:
// "0.1.0" and "v0.1.0" are one here, and the first one in the file is taken,
// however the pushes race.
func markRepeated(entries []entry) {
	first := map[string]*entry{}
	for i := range entries {
		e := &entries[i]
		key := e.ID + " " + strings.TrimPrefix(e.Version, "v")
		if earlier, ok := first[key]; ok && e.broken == nil {
			e.broken = fmt.Errorf("the same version as %s in line %d, which is the one that counts", earlier.name(), earlier.line)
			continue
		}
		first[key] = e
	}
}

// readEntries keeps a line that is no entry as one that will be refused.
func readEntries(r io.Reader) ([]entry, error) {
	var out []entry
	lines := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(strings.TrimSpace(string(line))) > 0 {
			var e entry
			if bad := json.Unmarshal(line, &e); bad != nil {
				e.broken = fmt.Errorf("line %d: %w", n, bad)
			}
			e.line = n
			out = append(out, e)
		}
		if err != nil {
			return out, nil
		}
	}
}
