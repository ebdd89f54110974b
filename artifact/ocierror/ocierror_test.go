package ocierror_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/oarlock/oarlock/artifact/ocierror"
)

// Every refusal has the body of the specification, with the stable code in the
// detail. Proves L3.
func TestWrite_L3(t *testing.T) {
	t.Parallel()
	denied := ocierror.New("DENIED", "no <b>", "not_authorised")
	for name, row := range map[string]struct {
		method string
		status int
		errors []ocierror.Error
		body   string
	}{
		"one error":                      {"GET", 403, []ocierror.Error{denied}, `{"errors":[{"code":"DENIED","message":"no \u003cb\u003e","detail":{"code":"not_authorised"}}]}`},
		"several":                        {"PUT", 400, []ocierror.Error{{Code: "A", Message: "1"}, {Code: "B", Message: "2", Detail: []int{3}}}, `{"errors":[{"code":"A","message":"1"},{"code":"B","message":"2","detail":[3]}]}`},
		"a HEAD has no body":             {"HEAD", 403, []ocierror.Error{denied}, ""},
		"what is no JSON is internal":    {"GET", 500, []ocierror.Error{{Code: "DENIED", Detail: func() {}}}, `{"errors":[{"code":"UNKNOWN","message":"internal error","detail":{"code":"internal"}}]}`},
		"the same of a HEAD has no body": {"HEAD", 500, []ocierror.Error{{Code: "DENIED", Detail: func() {}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, said := httptest.NewRecorder(), row.status
			if said == 500 {
				said = 403
			}
			ocierror.Write(w, httptest.NewRequest(row.method, "/v2/", nil), said, row.errors...)
			if w.Code != row.status || w.Body.String() != row.body || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%d %v %s, expected %d %s", w.Code, w.Header(), w.Body, row.status, row.body)
			}
			if n := w.Header().Get("Content-Length"); row.method != http.MethodHead && n != strconv.Itoa(len(row.body)) || n == "0" {
				t.Errorf("Content-Length %s of %d bytes", n, len(row.body))
			}
		})
	}
}
