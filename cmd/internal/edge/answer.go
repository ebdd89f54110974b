package edge

import (
	"net/http"
	"time"
)

// largeAnswer is what the kernel takes over at once, more or less: smaller
// answers hold nobody up.
const largeAnswer = 256 << 10

// Answer gives the reader of a large answer as long as b lets a body of the
// same length take. done is called after the answer, on a connection that
// stays, and is never nil.
func (b Bodies) Answer(w http.ResponseWriter, length int64) (done func()) {
	if b.Grace <= 0 || b.Rate <= 0 || length < largeAnswer {
		return func() {}
	}
	out := http.NewResponseController(w)
	within := time.Duration(float64(length) / float64(b.Rate) * float64(time.Second))
	if out.SetWriteDeadline(time.Now().Add(b.Grace+within)) != nil {
		return func() {}
	}
	return func() { _ = out.SetWriteDeadline(time.Time{}) }
}
