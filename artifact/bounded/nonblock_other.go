//go:build !unix

package bounded

// NonBlock opens without waiting for the other end of a pipe.
const NonBlock = 0
