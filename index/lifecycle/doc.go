// Package lifecycle decides what may still run. So far it holds the question
// that it asks of others: who has a plugin.
package lifecycle
