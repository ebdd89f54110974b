package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
)

// recorder keeps an answer of distribution's upload handler, which never has
// a body but for errors.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *recorder) Header() http.Header { return c.header }

func (c *recorder) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *recorder) Write(p []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(p)
}

// copyTo passes the headers on that the specification has.
func (c *recorder) copyTo(w http.ResponseWriter) {
	for _, name := range []string{"Location", "Range", "Docker-Upload-Uuid", "Oci-Chunk-Min-Length"} {
		if v := c.header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	if c.status != http.StatusNoContent {
		w.Header().Set("Content-Length", "0")
	}
	w.WriteHeader(c.status)
}

// refusal says in the words of the specification what distribution refused,
// and tells a client's fault from a fault of the storage.
func (c *recorder) refusal(r *http.Request, fault error, body *counted, length int64) error {
	if err := r.Context().Err(); err != nil {
		return err
	}
	if errors.Is(fault, artifact.ErrStorage) {
		return fault
	}
	if body.err != nil || length > 0 && body.n < length && c.status >= 500 {
		return cutUpload(body, length)
	}
	var said struct {
		Errors []struct {
			Code    string          `json:"code"`
			Message string          `json:"message"`
			Detail  json.RawMessage `json:"detail"`
		} `json:"errors"`
	}
	first := errcode.Error{}
	if json.Unmarshal(c.body.Bytes(), &said) == nil && len(said.Errors) > 0 {
		first = errcode.Error{Code: said.Errors[0].Code, Message: said.Errors[0].Message, Detail: said.Errors[0].Detail}
	}
	switch {
	case c.status == http.StatusRequestedRangeNotSatisfiable:
		return errcode.Refuse(c.status, errcode.BlobUploadInvalid, "the chunk does not begin where the upload ends; GET its location for where to go on")
	case c.status == http.StatusMethodNotAllowed:
		return errcode.Refuse(c.status, errcode.Unsupported, "method %q is not supported here", r.Method)
	case c.status >= 500 && fault != nil:
		return fmt.Errorf("upload: %w", fault)
	case c.status >= 500:
		return fmt.Errorf("upload: distribution answered %d: %s", c.status, bytes.TrimSpace(c.body.Bytes()))
	}
	switch first.Code {
	case errcode.DigestInvalid, errcode.SizeInvalid, errcode.BlobUnknown, errcode.NameInvalid, errcode.NameUnknown, "BLOB_UPLOAD_UNKNOWN":
	default:
		first.Code = errcode.BlobUploadInvalid
	}
	no := errcode.Refuse(c.status, first.Code, "%s", first.Message)
	no.Errors[0].Detail = first.Detail
	return no
}

// parseContentRange reads "<first>-<last>", both inclusive, of OCI
// distribution-spec 1.1, "Pushing a blob in chunks".
func parseContentRange(s string) (first, last int64, err error) {
	a, b, ok := strings.Cut(s, "-")
	x, errX := strconv.ParseUint(a, 10, 62)
	y, errY := strconv.ParseUint(b, 10, 62)
	if !ok || errX != nil || errY != nil || y < x {
		return 0, 0, errcode.Refuse(http.StatusRequestedRangeNotSatisfiable, errcode.BlobUploadInvalid,
			"Content-Range %.80q: expected <first>-<last>, such as 0-1023, both inclusive", s)
	}
	return int64(x), int64(y), nil
}
