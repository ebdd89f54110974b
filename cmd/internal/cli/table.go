package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
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
	widths := columnWidths(rows)
	p, ok := w.(*page)
	narrow := ok && p.columns > 0 && len(rows) > 0 && tableWidth(widths) > p.columns
	switch {
	case narrow && len(rows[0]) > 2 && len(rows) > 1:
		return records(w, rows)
	case narrow && len(rows[0]) == 2:
		return pairs(w, rows, widths[0], p.columns)
	}
	for _, row := range rows {
		var out strings.Builder
		for i, cell := range row {
			out.WriteString(cell)
			if i < len(row)-1 {
				out.WriteString(strings.Repeat(" ", widths[i]-shown(cell)+2))
			}
		}
		if _, err := fmt.Fprintln(w, out.String()); err != nil {
			return err
		}
	}
	return nil
}

// shown is how many columns of a terminal s takes: two for a wide letter of
// East Asia, none for an accent that is joined to the letter before.
func shown(s string) int {
	n := 0
	for _, r := range s {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case k == width.EastAsianWide || k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

func columnWidths(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], shown(cell))
		}
	}
	return widths
}

func tableWidth(widths []int) int {
	total := 2 * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	return total
}

// pairs writes two columns of which the second is broken between words, under
// itself. A word that fits no line is written whole.
func pairs(w io.Writer, rows [][]string, first, columns int) error {
	for _, row := range rows {
		cell := ""
		if len(row) > 1 {
			cell = row[1]
		}
		line, at := row[0]+strings.Repeat(" ", first-shown(row[0])+2), first+2
		for i, word := range strings.Fields(cell) {
			if i > 0 && at+1+shown(word) > columns {
				line, at = line+"\n"+strings.Repeat(" ", first+2), first+2
			} else if i > 0 {
				line, at = line+" ", at+1
			}
			line, at = line+word, at+shown(word)
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// records writes what does not fit as a table. A row whose first cell is empty
// goes on with the row before.
func records(w io.Writer, rows [][]string) error {
	names, most := rows[0], 0
	for _, name := range names {
		most = max(most, shown(name))
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
			if _, err := fmt.Fprintf(w, "%-*s  %s\n", most, name, cell); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeLine writes one line of text.
func writeLine(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format+"\n", cells(args)...)
	return err
}
