package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/klauspost/compress/gzip"

	"github.com/oarlock/oarlock/index"
)

// joined is the version of how site-local facts (downloads, ratings) are
// joined to an answer; it is part of every ETag.
const joined = "0"

// gzipFrom is the body size from which compression pays.
const gzipFrom = 1 << 10

// etagOf names the answer to one question at one generation, before it is
// computed. The body holds the host of references, so that is part of it.
func etagOf(stamp index.Stamp, host, question string) string {
	h := sha256.New()
	for _, s := range []string{stamp.CatalogDigest.String(), strconv.FormatInt(stamp.Generation, 10), joined, host, question} {
		io.WriteString(h, s)
		h.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// etagOfBody names an answer by what it says.
func etagOfBody(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// question is the URL of r with its parameters in order.
func question(r *http.Request) string {
	return r.URL.EscapedPath() + "?" + r.URL.Query().Encode()
}

// matches reports whether If-None-Match names etag in any encoding.
func matches(header, etag string) bool {
	if header == "" {
		return false
	}
	for part := range strings.SplitSeq(header, ",") {
		tag := strings.Trim(strings.TrimPrefix(strings.TrimSpace(part), "W/"), `"`)
		if tag == "*" || strings.TrimSuffix(tag, "-gz") == etag {
			return true
		}
	}
	return false
}

func newAnswer(stamp index.Stamp, etag string, body []byte) *answer {
	return &answer{generation: stamp.Generation, etag: etag, body: body}
}

// zipped is the body compressed, made when somebody first asks for it, or nil
// where it does not pay.
func (a *answer) zipped() []byte {
	a.zip.Do(func() {
		if len(a.body) < gzipFrom {
			return
		}
		if z := compress(a.body); len(z) < len(a.body)*9/10 {
			a.gzipped = z
		}
	})
	return a.gzipped
}

var gzips = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	return w
}}

func compress(body []byte) []byte {
	var buf bytes.Buffer
	w := gzips.Get().(*gzip.Writer)
	defer gzips.Put(w)
	w.Reset(&buf)
	if _, err := w.Write(body); err != nil || w.Close() != nil {
		return body // cannot be: it goes into memory
	}
	return buf.Bytes()
}

// send answers r with a, or 304.
func (a *answer) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Cache-Control"], h["Vary"] = noCache, varyReader
	if personal(r) {
		h["Cache-Control"] = ownNoCache
	}
	if matches(r.Header.Get("If-None-Match"), a.etag) {
		h.Set("Etag", `"`+a.etag+`"`)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body, etag := a.body, `"`+a.etag+`"`
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		if z := a.zipped(); z != nil {
			body, etag = z, `"`+a.etag+`-gz"`
			h["Content-Encoding"] = gzipEncoding
		}
	}
	h["Etag"] = []string{etag}
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

var (
	noCache      = []string{"no-cache"} // may be kept, must be asked for again
	gzipEncoding = []string{"gzip"}
	jsonType     = []string{"application/json"}
)

func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" || name == "*" {
			q = strings.ReplaceAll(q, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

// stream makes huma hand over the writer.
func stream(send func(w http.ResponseWriter, r *http.Request)) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(c huma.Context) {
		e := humaecho.Unwrap(c)
		send(e.Response(), e.Request())
	}}
}

// sendJSON answers with v, which is not kept by anybody.
func sendJSON(v any) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := encode(v)
		if err != nil {
			writeProblem(w, asProblem(r.Context(), err))
			return
		}
		w.Header()["Content-Type"] = jsonType
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
		w.Write(body)
	}
}

// encode is v in JSON as it is meant to be read, with ">" as ">".
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return buf.Bytes(), err
}
