//go:build !unix

package cli

import (
	"os"
	"syscall"
)

// hangup never comes on its own here; a signal list must not be empty.
var hangup = []os.Signal{syscall.Signal(-1)}
