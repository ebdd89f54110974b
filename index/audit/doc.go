// Package audit is the one way to do what is written down. Log.Do
//
//	asks whether it may be done ─▶ writes down that it begins ─▶ does it ─▶ writes down how it ended
//
// so that what may not be done or cannot be written down is not done, and what
// ended early, by an error, a panic or a caller who left, is in the log too.
//
// Changes of SQL alone need none of this: index/auth writes their row in the
// transaction that makes them.
package audit
