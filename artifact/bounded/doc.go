// Package bounded reads files whose names or contents come from outside: named
// by a person or a configuration, or lying in a directory that a stranger
// filled. A name promises nothing: it may be a link to a device that never
// ends, a pipe that nobody writes to, or a file that is larger than the memory.
//
//	name ─ stat: regular? ─ open without waiting ─ the same, of what was opened ─ at most limit bytes
//
// What is refused wraps artifact.ErrInvalid and names the file, what it is and
// what was expected; what the operating system refuses keeps its own error, so
// that errors.Is(err, fs.ErrNotExist) holds.
//
// No other room reads files whole, but those that read what they alone write:
// scripts/arrows holds the list.
package bounded
