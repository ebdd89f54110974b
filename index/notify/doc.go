// Package notify tells people and machines what happened to plugins and
// publishers.
//
//	change ──▶ Outbox: one job, in the transaction of the change
//	              │ resolved: its ledger is read, and the Event is kept
//	              ▼
//	           subscriptions that match ──▶ one Delivery and one job each
//	                                            │ may its owner still know of it?
//	                                            ▼
//	                                        Channel: webhook, e-mail
//
// An Event has one ID for ever, which follows from what it tells of: who dies
// on the way does a step again, and its receiver sees the same ID again. Jobs
// are keyed by receiver, so a slow one delays no other.
//
// Rights are asked again at each delivery, of the account as it is then: an
// event of a private plugin reaches who may pull it. What may not be told
// leaves no trace that its owner sees. Not knowing delivers nothing, and is
// tried again.
//
// Formats: CloudEvents 1.0 (JSON), Standard Webhooks 1.0.
package notify
