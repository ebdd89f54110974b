package registry

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A forward is a request for distribution's handler.
type forward struct {
	path   string
	query  url.Values
	body   io.Reader
	length int64 // -1 when unknown
	first  int64 // where the body begins, by Content-Range
	span   string
}

// chunk reads Content-Range, "<first>-<last>" with both inclusive, and holds
// the length to it.
func (f *forward) chunk(text string) error {
	if text == "" {
		return nil
	}
	first, last, err := parseContentRange(text)
	if err != nil {
		return err
	}
	size := last - first + 1
	if f.length >= 0 && f.length != size {
		return errcode.Refuse(http.StatusBadRequest, errcode.SizeInvalid, "Content-Range %q holds %d bytes, Content-Length says %d", text, size, f.length)
	}
	f.length, f.first, f.span = size, first, text
	return nil
}

// send runs f through distribution's handler. What it refuses is an error
// here, in the words of the specification.
func (g *Registry) send(r *http.Request, method string, f forward) (*recorder, error) {
	ctx, fault := driver.WithFault(driver.Later(r.Context()))
	in := r.Clone(ctx)
	in.Method, in.Form, in.PostForm, in.MultipartForm = method, nil, nil, nil
	in.URL = &url.URL{Path: f.path, RawQuery: f.query.Encode()}
	in.RequestURI = in.URL.RequestURI()
	body := &counted{r: f.body}
	in.Body, in.ContentLength, in.TransferEncoding = io.NopCloser(body), f.length, nil
	for _, name := range []string{"Content-Range", "Content-Length", "Content-Encoding", "Transfer-Encoding"} {
		in.Header.Del(name)
	}
	// Any other type makes FormValue read the blob as a form.
	in.Header.Set("Content-Type", "application/octet-stream")
	if f.length >= 0 {
		in.Header.Set("Content-Length", strconv.FormatInt(f.length, 10))
	}
	if f.span != "" {
		in.Header.Set("Content-Range", f.span)
	}
	rec := &recorder{header: http.Header{}}
	g.app.ServeHTTP(rec, in)
	fault.CloseAll()
	if rec.status < 400 {
		if f.length > 0 && body.n < f.length {
			return nil, cutUpload(body, f.length)
		}
		return rec, nil
	}
	return nil, rec.refusal(r, fault.First(), body, f.length)
}

func cutUpload(body *counted, length int64) error {
	return errcode.Refuse(http.StatusBadRequest, errcode.SizeInvalid, "the upload was cut: %d of %d bytes came; GET its location for where to go on", body.n, length)
}

// counted counts what was read and keeps the error that ended it.
type counted struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
