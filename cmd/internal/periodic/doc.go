// Package periodic runs what a server does again and again in the background:
// garbage collection, checks of stored bytes, rotation of keys, clean-up.
//
// Every task starts and stops the same way, never runs twice at once, begins at
// a time of its own within its jitter so that replicas do not meet, and tells
// when it ran last and how that ended. A task that panics ends as a failure of
// that run.
package periodic
