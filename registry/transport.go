package registry

import (
	"io"
	"net/http"
	"strconv"
	"sync"
)

// Transport is an http.RoundTripper that calls the registry with no socket,
// whatever host the request names. Requests are asked of Principal and
// Admitter like any other, unless their context comes from AsProcess.
func (g *Registry) Transport() http.RoundTripper { return HandlerTransport(g) }

// HandlerTransport is an http.RoundTripper over any handler. The body of the
// answer streams; closing it early ends the handler's writes with an error.
func HandlerTransport(h http.Handler) http.RoundTripper { return handlerTransport{h} }

type handlerTransport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI = in.URL.RequestURI()
	in.RemoteAddr = "in-process"
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	reader, pipe := io.Pipe()
	w := &pipeWriter{header: http.Header{}, body: pipe, started: make(chan struct{})}
	go func() {
		defer func() {
			if p := recover(); p != nil {
				pipe.CloseWithError(io.ErrUnexpectedEOF)
			}
			in.Body.Close()
			w.WriteHeader(http.StatusOK)
			pipe.Close()
		}()
		t.handler.ServeHTTP(w, in)
	}()
	select {
	case <-w.started:
	case <-r.Context().Done():
		reader.CloseWithError(r.Context().Err())
		return nil, r.Context().Err()
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: reader, ContentLength: contentLength(w.sent), Request: r,
	}, nil
}

// contentLength is what the header says, -1 when it says nothing.
func contentLength(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// pipeWriter is the http.ResponseWriter of one round trip.
type pipeWriter struct {
	header, sent http.Header
	status       int
	body         *io.PipeWriter
	once         sync.Once
	started      chan struct{}
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.started)
	})
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
