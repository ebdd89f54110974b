// Package explained is the two words of the HTTP API that carry the words of
// package policy/explain. They are not in package index, because hosts inherit
// what that imports.
package explained
