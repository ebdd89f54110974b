package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// exportResult is what a file has of the audit log.
type exportResult struct {
	File string `json:"file"`
	index.AuditExported
}

func (r exportResult) text(w io.Writer) error {
	return writeLine(w, "%s: %d rows more, up to %d", r.File, r.Rows, r.Through)
}

func newAuditExport(c *console) *cobra.Command {
	var file string
	cmd := verb("export", "Export the audit log as JSON lines",
		"One row per line, the oldest first, to stdout or a file. A file that is there already goes on where it ends, so the\n"+
			"same call fetches what came since, and what was cut is made whole: only whole rows are ever kept of it. The export\n"+
			"is in the log itself. It takes an admin or operator; owners export what was done in their namespace.",
		"oarlock audit export --out audit.jsonl", "oarlock audit export --namespace acme --since 30d --out acme.jsonl",
		"oarlock audit export --after 4711 | gzip > audit.jsonl.gz")
	cmd.Args = args(0, 0, "none")
	filters := auditFilters(cmd, map[string]string{"after": "rows after this `SEQ` only"})
	cmd.Flags().StringVar(&file, "out", "", "`FILE` to write, or to go on with")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q, err := filters(time.Now())
		if err != nil {
			return err
		}
		if file == "" {
			return c.exportTo(cmd.Context(), c.Out, q)
		}
		r, err := c.exportFile(cmd.Context(), file, q)
		if err != nil {
			return fmt.Errorf("audit export: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

// exportTo writes rows to what is no file, and says how to go on.
func (c *console) exportTo(ctx context.Context, w io.Writer, q url.Values) error {
	done, err := c.export(ctx, w, q)
	if err != nil {
		if done.Through > 0 {
			c.note("%d rows came, whole: go on with --after %d", done.Rows, done.Through)
		}
		return fmt.Errorf("audit export: %w", err)
	}
	c.note("%d rows; go on with --after %d", done.Rows, done.Through)
	return nil
}

// exportFile goes on with a file after the last whole row in it. However it ends, the
// file has whole rows alone, each once.
func (c *console) exportFile(ctx context.Context, path string, q url.Values) (r exportResult, err error) {
	if err := outArgument(path); err != nil {
		return r, err
	}
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE, 0o600) // it has names and addresses
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return r, errors.Join(err, usagef("%s: expected a regular file; without --out the rows go to stdout", path))
	}
	last, err := endOfExport(f)
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	if last > 0 {
		if q.Get("after") != "" {
			return r, usagef("--after: %s has rows up to %d and goes on there; name another file", path, last)
		}
		q.Set("after", strconv.FormatInt(last, 10))
	}
	done, err := c.export(ctx, f, q)
	if err != nil {
		c.note("%s has %d rows more, whole: the same call goes on", path, done.Rows)
	}
	return exportResult{path, done}, err
}

// endOfExport cuts what is no whole row from the end of a file, leaves it there, and
// gives the seq of the last row; 0 of an empty one.
func endOfExport(f *os.File) (last int64, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	tail := make([]byte, min(size, 2*maxLine))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	whole := bytes.LastIndexByte(tail, '\n') + 1
	if whole == 0 && len(tail) > 0 && tail[0] != '{' {
		return 0, usagef("it is no export of an audit log: name another file")
	}
	if whole > 0 {
		line := tail[:whole-1]
		line = line[bytes.LastIndexByte(line, '\n')+1:]
		var row index.AuditRow
		if err := client.DecodeAnswer(line, &row); err != nil || row.Seq <= 0 || row.Hash == "" {
			return 0, usagef("its last line is no row of an audit log: name another file")
		}
		last = row.Seq
	}
	end := size - int64(len(tail)) + int64(whole)
	if err := f.Truncate(end); err != nil {
		return 0, err
	}
	_, err = f.Seek(end, io.SeekStart)
	return last, err
}

// heldRows is how many bytes of rows are written at once.
const heldRows = 64 << 10

// export writes the rows of an answer to w, whole ones alone, and says how far it came.
func (c *console) export(ctx context.Context, w io.Writer, q url.Values) (done index.AuditExported, err error) {
	resp, err := c.admin(ctx, http.MethodGet, "/audit/export?"+q.Encode(), nil)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	var held bytes.Buffer
	var came index.AuditExported // and is in held
	write := func() error {
		_, err := w.Write(held.Bytes())
		if held.Reset(); err == nil {
			done.Rows, done.Through = came.Rows, came.Through
			c.exporting(done)
		}
		return err
	}
	var last index.AuditExported
	err = answerLines(ctx, resp, "export", "export", &last, func(_ answerLine, raw []byte) error {
		var row index.AuditRow
		if err := client.DecodeAnswer(raw, &row); err != nil {
			return err
		}
		if row.Seq <= came.Through {
			return &client.AnswerError{Detail: fmt.Sprintf("row %d comes after row %d", row.Seq, came.Through)}
		}
		held.Write(raw)
		held.WriteByte('\n')
		if came.Rows, came.Through = came.Rows+1, row.Seq; held.Len() < heldRows {
			return nil
		}
		return write()
	})
	err = errors.Join(err, write())
	if c.terminal() && done.Rows > 0 {
		fmt.Fprintln(c.Err)
	}
	if err != nil {
		return done, err
	}
	if last.Rows != done.Rows {
		return done, &client.AnswerError{Detail: fmt.Sprintf("%d rows came, and it says that there are %d", done.Rows, last.Rows)}
	}
	return last, nil
}

// exporting draws how far an export is, on a terminal.
func (c *console) exporting(e index.AuditExported) {
	if c.terminal() && e.Rows > 0 {
		fmt.Fprintf(c.Err, "\r%d rows, up to %d", e.Rows, e.Through)
	}
}
