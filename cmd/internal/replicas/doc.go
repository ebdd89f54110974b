// Package replicas lets the servers that share one storage and one database tell
// one another what they stored, and hear it: what a client was told is known to
// every replica that can be reached. What cannot be told is told later; what
// went unheard is read from storage.
package replicas
