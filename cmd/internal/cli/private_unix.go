//go:build unix

package cli

import "syscall"

// privateFiles keeps what this process writes from here on from everybody else,
// whichever library writes it.
func privateFiles() { syscall.Umask(0o077) }
