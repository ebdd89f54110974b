//go:build unix

package bounded

import "syscall"

// NonBlock opens without waiting for the other end of a pipe.
const NonBlock = syscall.O_NONBLOCK
