// Package app turns a configuration into a running server. It is the only
// place that knows registry, policy and index at once, and joins them:
//
//	listener ─┬─ /v2/ ── registry ── Sink ──▶ ingester ──▶ catalog.Live
//	          └─ else ── index/api ◀── reads ─────────────────┘
package app
