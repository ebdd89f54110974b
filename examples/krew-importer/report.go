package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// A report says what became of every entry.
type report struct {
	Total   int       `json:"total"`
	Pushed  int       `json:"pushed"`
	Skipped int       `json:"skipped"` // there already, by the journal
	Refused []outcome `json:"refused"`
	Noted   []outcome `json:"noted"` // taken without some of their fields
	Seconds float64   `json:"seconds"`
}

func (r *report) sort() {
	byName := func(a, b outcome) int { return cmp.Compare(a.Entry, b.Entry) }
	slices.SortFunc(r.Refused, byName)
	slices.SortFunc(r.Noted, byName)
}

// write writes r in words to out and, where file is given, as JSON to it.
func (r *report) write(out io.Writer, file string) error {
	fmt.Fprintf(out, "%d versions: %d pushed, %d there already, %d not taken\n", r.Total, r.Pushed, r.Skipped, len(r.Refused))
	for _, o := range r.Refused {
		fmt.Fprintf(out, "not taken: %s: %s\n", o.Entry, o.Reason)
	}
	for _, o := range r.Noted {
		for _, n := range o.Notes {
			fmt.Fprintf(out, "taken without a field: %s: %s\n", o.Entry, n)
		}
	}
	if file == "" {
		return nil
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}
