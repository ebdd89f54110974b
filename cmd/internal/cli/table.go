package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// A page is text for a terminal of so many columns; 0 is any width.
type page struct {
	bytes.Buffer
	columns int
}

// table writes aligned columns. Where they do not fit the terminal, each row is
// written as a list of its cells instead, under the names of the first row: a
// line that wraps tears the columns, and a digest that is cut is of no use.
func table(w io.Writer, fill func(row func(cells ...string))) error {
	var rows [][]string
	fill(func(cells ...string) {
		row := make([]string, len(cells))
		for i, cell := range cells {
			row[i] = line(cell)
		}
		rows = append(rows, row)
	})
	if p, ok := w.(*page); ok && p.columns > 0 && len(rows) > 1 && len(rows[0]) > 2 && tableWidth(rows) > p.columns {
		return records(w, rows)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		io.WriteString(t, strings.Join(row, "\t")+"\n")
	}
	return t.Flush()
}

func tableWidth(rows [][]string) int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	total := 2 * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	return total
}

// records writes what does not fit as a table. A row whose first cell is empty
// goes on with the row before.
func records(w io.Writer, rows [][]string) error {
	names, width := rows[0], 0
	for _, name := range names {
		width = max(width, utf8.RuneCountInString(name))
	}
	for n, row := range rows[1:] {
		if n > 0 && row[0] != "" {
			fmt.Fprintln(w)
		}
		for i, cell := range row {
			if cell == "" {
				continue
			}
			name := ""
			if i < len(names) {
				name = names[i]
			}
			if _, err := fmt.Fprintf(w, "%-*s  %s\n", width, name, cell); err != nil {
				return err
			}
		}
	}
	return nil
}

// sentence writes one line of text.
func sentence(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format+"\n", cells(args)...)
	return err
}
