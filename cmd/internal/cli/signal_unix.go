//go:build unix

package cli

import (
	"os"
	"syscall"
)

// hangup asks a server to read again what may change while it runs.
var hangup = []os.Signal{syscall.SIGHUP}
