package edge

import (
	"fmt"
	"testing"
)

func TestCodesOfRefusalsAreFew_K4(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"errors":[{"code":"DENIED","message":"no"}]}`:        "DENIED",
		`{"type":"about:blank","code":"not_found","fixes":[]}`: "not_found",
		`{"code":"x y"}`: "", `{"code":""}`: "", `{"code":"` + fmt.Sprintf("%060d", 1) + `"}`: "", `{"code":"half`: "", "": "", "plain text": "",
	} {
		if got := codeIn([]byte(body)); got != want {
			t.Errorf("%s: %q, expected %q", body, got, want)
		}
	}
	var c codes
	values := map[string]bool{}
	for n := range 1000 {
		values[c.known(fmt.Sprintf("code_%c%c", 'a'+n%26, 'a'+n/26%26))] = true
	}
	if len(values) != maxCodes+1 || c.known("code_aa") != "code_aa" || c.known("") != "other" {
		t.Errorf("%d values", len(values))
	}
}
