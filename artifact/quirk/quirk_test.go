package quirk_test

import (
	"testing"

	"github.com/oarlock/oarlock/artifact/quirk"
)

// Proves A5: a version with build metadata is the tag that it is written as.
func TestReferenceWritesBuildMetadataAsATag(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"h:7117/acme/plus:1.0.0+b.1": "h:7117/acme/plus:1.0.0_b.1", "h:7117/acme/plus:1.0.0": "h:7117/acme/plus:1.0.0", "h:7117/acme/plus": "h:7117/acme/plus",
		"h/acme/plus:latest": "h/acme/plus:latest", "h/acme/plus@sha256:ab+c": "h/acme/plus@sha256:ab+c", "h/a:1.0.0+b@sha256:x": "h/a:1.0.0+b@sha256:x",
		"h/acme/plus:x+y": "h/acme/plus:x+y", "h/acme/plus:1.0.0+a+b": "h/acme/plus:1.0.0+a+b", "": "",
	} {
		if got := quirk.Reference(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
