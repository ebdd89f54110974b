package artifact_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// Proves C2: a platform that nobody can have is a slip, and is told with the one
// that was meant; a platform of one's own is none.
func TestASlipOfAPlatformIsTold_C2(t *testing.T) {
	t.Parallel()
	for asked, meant := range map[string]string{
		"linux/amd46": "linux/amd64", "linux/amd6": "linux/amd64", "linxu/arm64": "linux/arm64", "macos/arm64": "darwin/arm64",
		"window/amd64": "windows/amd64", "linux/x64": "linux/amd64", "linux/riscv46": "linux/riscv64", "linux/arm65/v8": "linux/arm64",
	} {
		_, err := artifact.ParseKnownPlatform(asked)
		if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), `did you mean "`+meant+`"`) {
			t.Errorf("%s: got %v, want %s to be meant", asked, err, meant)
		}
	}
	for _, asked := range []string{"linux/amd64", "linux/x86_64", "linux/arm/v7", "linux/mipsle", "linux/mips64le", "wasip1/wasm", "js/wasm", "myos/ternary", "linux/tricore", "haiku/amd64"} {
		if p, err := artifact.ParseKnownPlatform(asked); err != nil || p.IsZero() {
			t.Errorf("%s: got %v, %v, want it as it is", asked, p, err)
		}
	}
}
