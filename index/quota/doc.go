// Package quota holds namespaces to what they may keep.
//
//	an upload ── Meter.Take ──┐
//	a push ── Counter.Reserve ┴─▶ Quota ── one step, against the limit ──▶ Store
//	                             ▲
//	Storage ── Counter.Recount ──┘   what is stored, now and then and before a refusal
//
// The sum in the Store is never too small: bytes are added before they are
// written, and what deletes and collections give back is found by counting anew.
package quota
